/// The first message of an agent on an IOStream: which stream it opens (`agent-link.md` 3).
public enum StreamAttachFrame {
    public static let magic: [UInt8] = [0xFF, 0x05, 0xFF, 0x05]
    /// Stream ids are UUIDs; a frame that is much longer is refused unread.
    public static let maxIDLength = 128

    public static func encode(streamID: String) -> [UInt8] {
        magic + Array(streamID.utf8)
    }

    /// The stream id in `frame`; `nil` when this is no attach frame.
    public static func streamID(in frame: some Collection<UInt8>) -> String? {
        guard frame.starts(with: magic), frame.count > magic.count, frame.count <= magic.count + maxIDLength else {
            return nil
        }
        return String(validating: frame.dropFirst(magic.count), as: UTF8.self)
    }
}
