/// `IOStreamData` as it goes over the wire, `message IOStreamData { bytes data = 1; }`, written and read by hand:
/// transfers move whole files through it, and a copy less for each frame shows.
package struct IOStreamFrame: ProtobufMessage, Hashable {
    /// Field 1, length-delimited.
    private static let tag: UInt8 = 0x0A

    /// Empty for a keep-alive.
    package var frame: [UInt8]

    package init(_ frame: [UInt8]) { self.frame = frame }

    package init(protobuf bytes: consuming [UInt8]) throws(ProtobufError) {
        if let start = Self.payloadStart(bytes) {
            // In its own memory, where nobody else holds it.
            bytes.removeSubrange(..<start)
            frame = bytes
        } else {
            // Empty, unknown fields, the field twice: rare, and left to those who know all of protobuf.
            self = try Self.unusual(bytes)
        }
    }

    package func protobuf() -> [UInt8] { Self.head(of: frame.count) + frame }

    /// What goes before a frame of so many bytes, so that the two can be sent without being put together.
    package static func head(of count: Int) -> [UInt8] {
        // proto3 leaves an empty field out.
        guard count > 0 else { return [] }
        var bytes = [tag]
        var rest = count
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
        return bytes
    }

    /// Where the payload begins in a message that holds the field and nothing else; `nil` for any other.
    private static func payloadStart(_ message: [UInt8]) -> Int? {
        guard message.first == tag else { return nil }
        var length = 0
        // Five bytes hold every length that gRPC lets through.
        for index in 1..<min(6, max(1, message.count)) {
            length |= Int(message[index] & 0x7F) << (7 * (index - 1))
            if message[index] < 0x80 { return length == message.count - index - 1 ? index + 1 : nil }
        }
        return nil
    }
}
