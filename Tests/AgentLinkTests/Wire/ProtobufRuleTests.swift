import Testing

@testable import AgentLink

/// What the wire allows besides the usual form of a message, and what it must not do to us.
@Suite("Protobuf rules")
struct ProtobufRuleTests {
    private static func error(of read: () throws -> Void) -> ProtobufError? {
        do {
            try read()
            return nil
        } catch {
            return error as? ProtobufError
        }
    }

    @Test("text that is not UTF-8 is refused in every field that holds text")
    func invalidUTF8() {
        let bad = "02c328"
        for field in ["0a", "12", "1a", "3a", "42", "52", "5a"] {
            #expect(Self.error { _ = try HostInfo(protobuf: bytes(field + bad)) } == .invalidUTF8)
        }
        #expect(Self.error { _ = try HostState(protobuf: bytes("8201040a" + bad)) } == .invalidUTF8)
        #expect(Self.error { _ = try AgentTask(protobuf: bytes("1a" + bad)) } == .invalidUTF8)
        #expect(Self.error { _ = try AgentTaskResult(protobuf: bytes("22" + bad)) } == .invalidUTF8)
        #expect(Self.error { _ = try GeoIPMessage(protobuf: bytes("1a" + bad)) } == .invalidUTF8)
        #expect(Self.error { _ = try GeoIPMessage(protobuf: bytes("12040a" + bad)) } == .invalidUTF8)
        #expect(Self.error { _ = try GeoIPMessage(protobuf: bytes("120412" + bad)) } == .invalidUTF8)
    }

    @Test("text that is not UTF-8 is refused behind what is kept of a list, too")
    func invalidUTF8BehindTheLimit() {
        let entries = String(repeating: "1a0161", count: ReportLimits.listLength + 5)
        #expect(Self.error { _ = try HostInfo(protobuf: bytes(entries)) } == nil)
        #expect(Self.error { _ = try HostInfo(protobuf: bytes(entries + "1a02c328")) } == .invalidUTF8)
        let sensors = String(repeating: "8201030a0161", count: ReportLimits.listLength + 5)
        #expect(Self.error { _ = try HostState(protobuf: bytes(sensors)) } == nil)
        #expect(Self.error { _ = try HostState(protobuf: bytes(sensors + "8201040a02c328")) } == .invalidUTF8)
    }

    @Test("a NUL is text like any other, and so is what stands behind it")
    func nul() throws {
        let task = AgentTask(id: 1, type: .exec, data: "a\0b")
        #expect(task.protobuf() == bytes("0801100f1a03610062"))
        #expect(try AgentTask(protobuf: task.protobuf()).data.utf8.elementsEqual([0x61, 0, 0x62]))
        let reply = AgentTaskReply(data: "\0", successful: true)
        let result = AgentTaskResult(id: 1, type: .exec, reply: reply)
        #expect(try AgentTaskResult(protobuf: result.protobuf()) == result)
    }

    @Test("doubles are read packed and one by one, and written packed")
    func packed() throws {
        let (one, two) = ("000000000000f03f", "0000000000000040")
        for hex in ["8a0110" + one + two, "8901" + one + "8901" + two, "8901" + one + "8a0108" + two] {
            #expect(try HostState(protobuf: bytes(hex)).gpu == [1, 2])
        }
        var state = HostState()
        state.gpu = [1, 2]
        #expect(state.protobuf() == bytes("8a0110" + one + two))
    }

    @Test("whether addresses were sent is told, also of empty ones")
    func presence() throws {
        #expect(try GeoIPMessage(protobuf: []).addresses == nil)
        #expect(try GeoIPMessage(protobuf: bytes("1200")).addresses == GeoIPMessage.Addresses())
        var empty = GeoIPMessage()
        empty.addresses = .init()
        #expect(empty.protobuf() == bytes("1200"))
    }

    @Test("zero values are not written")
    func zeros() {
        #expect(HostState().protobuf().isEmpty)
        #expect(HostInfo().protobuf().isEmpty)
        #expect(GeoIPMessage().protobuf().isEmpty)
        #expect(AgentTask(id: 0, type: 0, data: "").protobuf().isEmpty)
        #expect(AgentTaskResult(id: 0, type: 0, reply: .init(data: "", successful: false)).protobuf().isEmpty)
        #expect(Receipt(isProcessed: false).protobuf().isEmpty)
        #expect(StartReceipt(startedAt: 0).protobuf().isEmpty)
    }

    @Test(
        "unknown fields are skipped, whatever their form",
        arguments: ["f80101", "f90101020304050607 08", "fa0103ffffff", "fd0101020304"])
    func unknown(field: String) throws {
        let expected = AgentTask(id: 1, type: .exec, data: "x")
        for hex in [field + "0801100f1a0178", "0801" + field + "100f1a0178", "0801100f1a0178" + field] {
            #expect(try AgentTask(protobuf: bytes(hex)) == expected)
        }
    }

    @Test("of a field that comes twice the last counts, and the parts of a message are put together")
    func twice() throws {
        #expect(try AgentTask(protobuf: bytes("080108021a01611a0162")) == AgentTask(id: 2, type: 0, data: "b"))
        let message = try GeoIPMessage(protobuf: bytes("12030a0131120312013212030a0133"))
        #expect(message.addresses == .init(ipv4: "3", ipv6: "2"))
    }

    @Test(
        "what is no message is refused",
        arguments: ["08", "0880", "08ffffffffffffffffffff01", "1a", "1a05", "1a0561", "09", "0b", "00", "ff"])
    func broken(hex: String) {
        #expect(Self.error { _ = try AgentTask(protobuf: bytes(hex)) } == .malformed)
        #expect(Self.error { _ = try AgentTaskResult(protobuf: bytes(hex)) } == .malformed)
    }

    @Test("damaged messages of every kind are read or refused, and nothing else")
    func damaged() {
        var generator = Xorshift(state: 0x9E37_79B9_7F4A_7C15)
        let host = HostInfo(platform: "debian", cpu: ["a", "b"], memTotal: 1, version: "2.1.0", gpu: ["g"])
        let geoIP = GeoIPMessage(GeoIPInfo(ipv4: "192.0.2.1", ipv6: "2001:db8::1"), use6: true)
        let reply = AgentTaskReply(data: "{}", successful: true, delay: 1)
        let messages = [
            HostState.everyFieldSet.protobuf(), host.protobuf(), geoIP.protobuf(),
            AgentTaskResult(id: 1, type: .exec, reply: reply).protobuf(), IOStreamFrame([1, 2, 3]).protobuf(),
        ]
        for message in messages {
            for _ in 0..<4000 {
                var damaged = message
                for _ in 0..<Int.random(in: 1...4, using: &generator) {
                    damaged[Int.random(in: 0..<damaged.count, using: &generator)] = .random(
                        in: 0...255, using: &generator)
                }
                damaged.removeLast(Int.random(in: 0...damaged.count / 2, using: &generator))
                _ = try? HostState(protobuf: damaged)
                _ = try? HostInfo(protobuf: damaged)
                _ = try? GeoIPMessage(protobuf: damaged)
                _ = try? AgentTask(protobuf: damaged)
                _ = try? AgentTaskResult(protobuf: damaged)
                _ = try? Receipt(protobuf: damaged)
                _ = try? StartReceipt(protobuf: damaged)
                _ = try? IOStreamFrame(protobuf: damaged)
            }
        }
    }

    @Test(
        "Decoding that multiplies: a message full of tiny entries is refused, one with some thousands is read",
        arguments: ["820100", "1a00", "1200", "f80100", "5a00"])
    func multiplies(entry: String) {
        let small = [[UInt8]](repeating: bytes(entry), count: 2000).flatMap(\.self)
        var large = small
        while large.count < 8 << 20 { large += large }
        func read(_ message: [UInt8]) throws {
            switch entry {
            case "1a00", "5a00": #expect(try HostInfo(protobuf: message).cpu.count <= ReportLimits.listLength)
            case "1200": _ = try GeoIPMessage(protobuf: message)
            default: #expect(try HostState(protobuf: message).temperatures.count <= ReportLimits.listLength)
            }
        }
        #expect(Self.error { try read(small) } == nil)
        #expect(Self.error { try read(large) } == .tooManyEntries)
    }

    @Test("Decoding that multiplies: a hostile report that is long, but no more than long, is read and cut")
    func long() throws {
        var state = HostState()
        state.temperatures = [.init(name: String(repeating: "x", count: 1_000_000), celsius: 1)]
        state.temperatures += (0..<50_000).map { _ in .init(name: "t", celsius: 1) }
        state.gpu = [Double](repeating: 1, count: 100_000)
        let read = try HostState(protobuf: state.protobuf())
        #expect(read.temperatures.count == ReportLimits.listLength)
        #expect(read.gpu.count == ReportLimits.listLength)
        #expect(read.temperatures[0].name.count == ReportLimits.textLength)
        let host = HostInfo(gpu: [String](repeating: "g", count: 10_000))
        #expect(try HostInfo(protobuf: host.protobuf()).gpu.count == ReportLimits.listLength)
    }

    @Test(
        "Decoding that multiplies: what reading may take grows with the message up to a bound",
        arguments: [
            (0, 1 << 20), (1, (1 << 20) + 1), (1 << 20, 16 << 20), (16 << 20, 32 << 20),
        ])
    func budget(count: Int, bytes: Int) {
        #expect(Protobuf.budget(count) == bytes)
    }

    @Test("Decoding that multiplies: reading takes no more than its budget from the heap")
    func budget() {
        unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 16) { lent in
            var arena = unsafe ProtobufArena(lent: lent, budget: 48 << 10)
            var taken = 0
            while unsafe arena.allocate(1000) != nil { taken += 1000 }
            let (isExhausted, refusesAll) = unsafe (arena.isExhausted, arena.allocate(.max) == nil)
            #expect(isExhausted)
            #expect(refusesAll)
            #expect(taken > 40_000)
            #expect(taken <= 48 << 10)
        }
    }

    @Test("Decoding that multiplies: what a caller lends is used to its end, and not beyond")
    func lent() {
        unsafe withUnsafeTemporaryAllocation(byteCount: 64, alignment: 16) { lent in
            var arena = unsafe ProtobufArena(lent: lent, budget: 0)
            let first = unsafe arena.allocate(17) == lent.baseAddress
            let second = unsafe arena.allocate(32) == lent.baseAddress?.advanced(by: 32)
            let third = unsafe arena.allocate(0) == nil
            #expect(first)
            #expect(second)
            #expect(third)
        }
    }

    @Test("a body of megabytes is read and written whole")
    func large() throws {
        let data = String(repeating: "é", count: 8 << 20)
        let result = AgentTaskResult(id: 7, type: .exec, reply: .init(data: data, successful: true))
        #expect(try AgentTaskResult(protobuf: result.protobuf()) == result)
    }
}

/// Random numbers that are the same in every run.
struct Xorshift: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
