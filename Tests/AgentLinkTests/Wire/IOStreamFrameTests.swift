import Testing

@testable import AgentLink

@Suite("IOStream frames on the wire")
struct IOStreamFrameTests {
    @Test(
        "the codec writes and reads what protobuf does, for every length of the length",
        arguments: [0, 1, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152])
    func agrees(length: Int) throws {
        let frame = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let written = IOStreamFrame(frame).protobuf()
        #expect(try IOStreamFrame.unusual(written).frame == frame)
        #expect(try IOStreamFrame(protobuf: written).frame == frame)
        // A task whose data alone is set differs in its tag only.
        let text = String(decoding: frame.map { $0 & 0x7F }, as: UTF8.self)
        let reference = AgentTask(id: 0, type: 0, data: text).protobuf()
        #expect(
            IOStreamFrame(Array(text.utf8)).protobuf() == reference.prefix(1).map { _ in 0x0A } + reference.dropFirst())
    }

    @Test(
        "a message that is not the usual one reads as protobuf reads it",
        arguments: [
            ("0a00", []),
            // The field twice: the last one counts.
            ("0a01010a0202030a0109", [9]),
            // Unknown fields before and behind.
            ("10050a0107", [7]), ("0a01071005", [7]),
            // A length that is longer than it has to be.
            ("0a810007", [7]),
        ] as [(String, [UInt8])])
    func unusual(hex: String, frame: [UInt8]) throws {
        #expect(try IOStreamFrame.unusual(bytes(hex)).frame == frame)
        #expect(try IOStreamFrame(protobuf: bytes(hex)).frame == frame)
    }

    @Test(
        "what is no message is refused",
        arguments: ["0a", "0a02", "0a0201", "0a80", "0affffffffff", "0affffffffffffffffff01", "ff", "0b", "00"])
    func broken(hex: String) {
        #expect(throws: ProtobufError.malformed) { try IOStreamFrame(protobuf: bytes(hex)) }
    }

    @Test("a chunk that is read into its place has the bytes of any chunk")
    func chunkInPlace() throws {
        let message = unsafe TransferFrame.chunk(upTo: 8) { room in
            unsafe room.copyBytes(from: [1, 2, 3])
            return room.count == 8 ? 3 : 0
        }
        #expect(message == TransferFrame.chunk([1, 2, 3]).bytes)
        #expect(unsafe TransferFrame.chunk(upTo: 8) { _ in 0 }.isEmpty)
        #expect(throws: MailboxFinished.self) {
            try unsafe TransferFrame.chunk(upTo: 8) { _ throws(MailboxFinished) in throw MailboxFinished() }
        }
    }

    @Test("a stream whose reader does not read holds 512 KiB, and not one frame more")
    func bound() {
        let bounds = AgentLinkConfiguration().streamQueue
        let queue = BoundedMailbox<[UInt8]>(maxCount: bounds.count, maxCost: bounds.bytes)
        let frame = [UInt8](repeating: 0, count: 256 * 1024)
        for _ in 0..<2 { #expect(queue.offer(frame, cost: frame.count)) }
        #expect(!queue.offer(frame, cost: frame.count))
    }
}
