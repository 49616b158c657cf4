/// The first message of an agent on an IOStream: which stream it opens (`agent-link.md` 3).
package enum StreamAttachFrame {
    package static let magic: [UInt8] = [0xFF, 0x05, 0xFF, 0x05]
    /// Stream ids are UUIDs; a frame that is much longer is refused unread.
    package static let maxIDLength = 128

    package static func encode(streamID: String) -> [UInt8] {
        magic + Array(streamID.utf8)
    }

    /// The stream id in `frame`; `nil` when this is no attach frame.
    package static func streamID(in frame: some Collection<UInt8>) -> String? {
        guard frame.starts(with: magic), frame.count > magic.count, frame.count <= magic.count + maxIDLength else {
            return nil
        }
        return String(validating: frame.dropFirst(magic.count), as: UTF8.self)
    }
}
