import Testing

@testable import GRPC

@Suite("Messages on the wire")
struct DeframerTests {
    private func frame(_ message: [UInt8], flag: UInt8 = 0) throws -> [UInt8] {
        var bytes = prefix(try #require(GRPCFraming.length(message.count)))
        bytes[0] = flag
        return bytes + message
    }

    private func prefix(_ length: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        GRPCFraming.appendPrefix(length: length, to: &bytes)
        return bytes
    }

    private func messages(_ deframer: inout GRPCDeframer) throws -> [[UInt8]] {
        var messages: [[UInt8]] = []
        while let message = try deframer.next() { messages.append(message) }
        return messages
    }

    @Test("the prefix is a flag and the length, big-endian")
    func prefix() {
        #expect(prefix(0) == [0, 0, 0, 0, 0])
        #expect(prefix(0x0102_0304) == [0, 1, 2, 3, 4])
        #expect(prefix(0xFFFF_FFFF) == [0, 255, 255, 255, 255])
        #expect(GRPCFrame([]).bytes == [0, 0, 0, 0, 0])
        #expect(GRPCFrame([7, 8]).bytes == [0, 0, 0, 0, 2, 7, 8])
        #expect(GRPCFraming.length(0xFFFF_FFFF) == 0xFFFF_FFFF)
        #expect(GRPCFraming.length(0x1_0000_0000) == nil)
    }

    @Test("messages come out whole, however the bytes are cut", arguments: [1, 2, 3, 4, 5, 6, 7, 11, 64, 10_000])
    func cut(size: Int) throws {
        let sent: [[UInt8]] = [[], [1], Array(repeating: 7, count: 300), [], Array(0...255), Array("end".utf8)]
        let bytes = try sent.flatMap { try frame($0) }
        var deframer = GRPCDeframer(maximumMessage: 1000)
        var heard: [[UInt8]] = []
        var consumed = 0
        for start in stride(from: 0, to: bytes.count, by: size) {
            deframer.append(Array(bytes[start..<min(start + size, bytes.count)]))
            heard += try messages(&deframer)
            consumed += deframer.takeConsumed()
            // Whatever was not handed over as a message is held, and nothing else is.
            #expect(deframer.heldBytes == consumed - heard.reduce(0) { $0 + 5 + $1.count })
        }
        #expect(heard == sent)
        #expect(consumed == bytes.count)
        #expect(deframer.isEmpty)
    }

    @Test("what is not asked for is not taken")
    func notTaken() throws {
        var deframer = GRPCDeframer(maximumMessage: 1000)
        deframer.append(try frame([1, 2, 3]) + frame([4]))
        #expect(deframer.takeConsumed() == 0)
        #expect(try deframer.next() == [1, 2, 3])
        #expect(deframer.takeConsumed() == 8)
        #expect(!deframer.isEmpty)
        #expect(try deframer.next() == [4])
        #expect(deframer.takeConsumed() == 6)
    }

    @Test("a part of a message is not empty, and is given back when it is forgotten")
    func partial() throws {
        for count in 1..<8 {
            var deframer = GRPCDeframer(maximumMessage: 1000)
            deframer.append(Array(try frame([1, 2, 3]).prefix(count)))
            #expect(!deframer.isEmpty)
            if count.isMultiple(of: 2) { #expect(try deframer.next() == nil) }
            #expect(!deframer.isEmpty)
            #expect(deframer.heldBytes == count)
            deframer.removeAll()
            #expect(deframer.takeConsumed() == count)
            #expect(deframer.isEmpty)
        }
    }

    @Test("a message of the limit passes, one byte more is refused before its bytes came")
    func limit() throws {
        var deframer = GRPCDeframer(maximumMessage: 10)
        deframer.append(try frame(Array(repeating: 1, count: 10)))
        #expect(try deframer.next()?.count == 10)
        deframer.append([0, 0, 0, 0, 11])
        #expect(throws: GRPCStatus(.resourceExhausted, "message larger than 10 bytes")) { try deframer.next() }
    }

    @Test("lengths up to 4 GiB are understood")
    func huge() throws {
        var deframer = GRPCDeframer(maximumMessage: 20 << 20)
        deframer.append([0, 255, 255, 255, 255])
        #expect(throws: GRPCStatus(.resourceExhausted, "message larger than 20971520 bytes")) { try deframer.next() }
    }

    @Test("a compressed message is unimplemented, every other flag a fault", arguments: [1, 2, 3, 128, 255] as [UInt8])
    func flags(flag: UInt8) throws {
        var deframer = GRPCDeframer(maximumMessage: 10)
        deframer.append(try frame([], flag: flag))
        let code: GRPCStatus.Code = flag == 1 ? .unimplemented : .internalError
        let error = #expect(throws: GRPCStatus.self) { try deframer.next() }
        #expect(error?.code == code)
    }

    @Test("a large message in small pieces is joined in linear time")
    func linear() throws {
        let message = [UInt8](repeating: 42, count: 16 << 20)
        let bytes = try frame(message)
        var deframer = GRPCDeframer(maximumMessage: 16 << 20)
        let clock = ContinuousClock()
        let time = try clock.measure {
            for start in stride(from: 0, to: bytes.count, by: 1024) {
                deframer.append(Array(bytes[start..<min(start + 1024, bytes.count)]))
                if let whole = try deframer.next() { #expect(whole.count == message.count) }
            }
        }
        #expect(deframer.isEmpty)
        // A joiner that moves all that it has with each piece copies 128 GiB for this.
        #expect(time < .seconds(20))
    }

    @Test("many small messages in one piece, taken one by one, cost no more than themselves")
    func manySmall() throws {
        let count = 200_000
        let bytes = try Array(repeatElement(frame([9]), count: count).joined())
        var deframer = GRPCDeframer(maximumMessage: 16)
        deframer.append(bytes)
        #expect(try messages(&deframer).count == count)
    }
}
