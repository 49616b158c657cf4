package import GRPCCore
import GRPCProtobuf

/// A message of an IOStream: what the service and its tests exchange.
package protocol IOStreamMessage: Sendable {
    init(_ frame: [UInt8])
    /// Empty for a keep-alive.
    var frame: [UInt8] { get }
}

extension Proto_IOStreamData: IOStreamMessage {}

/// `IOStreamData` as it goes over the wire, without the copies that the generated type makes: transfers move whole files
/// through it.
package struct IOStreamFrame: IOStreamMessage, Hashable {
    package var frame: [UInt8]

    package init(_ frame: [UInt8]) { self.frame = frame }
}

/// Writes and reads ``IOStreamFrame`` byte for byte as protobuf has `message IOStreamData { bytes data = 1; }`.
package struct IOStreamFrameCodec: MessageSerializer, MessageDeserializer {
    /// Field 1, length-delimited.
    private static let tag: UInt8 = 0x0A

    package init() {}

    package func serialize<Bytes: GRPCContiguousBytes>(_ message: IOStreamFrame) throws -> Bytes {
        let payload = message.frame
        // proto3 leaves an empty field out.
        guard !payload.isEmpty else { return Bytes([]) }
        let header = Self.header(count: payload.count)
        var bytes = Bytes(repeating: 0, count: header.count + payload.count)
        bytes.withUnsafeMutableBytes { whole in
            whole.copyBytes(from: header)
            UnsafeMutableRawBufferPointer(rebasing: whole[header.count...]).copyBytes(from: payload)
        }
        return bytes
    }

    package func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) throws -> IOStreamFrame {
        let usual: IOStreamFrame? = bytes.withUnsafeBytes { whole in
            Self.payloadStart(whole).map { IOStreamFrame(Array(whole[$0...])) }
        }
        if let usual { return usual }
        // Empty, unknown fields, the field twice: rare, and left to those who know all of protobuf.
        return IOStreamFrame(try ProtobufDeserializer<Proto_IOStreamData>().deserialize(bytes).frame)
    }

    private static func header(count: Int) -> [UInt8] {
        var header = [tag]
        var rest = count
        while rest >= 0x80 {
            header.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        header.append(UInt8(rest))
        return header
    }

    /// Where the payload begins in a message that holds the field and nothing else; `nil` for any other.
    private static func payloadStart(_ message: UnsafeRawBufferPointer) -> Int? {
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
