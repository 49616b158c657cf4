import AgentLink
import FoundationEssentials
import Primitives
import Storage
import TestSupport
import Testing
import Texts

@testable import Monitoring

@Suite struct PlaceholderTests {
    private var server: ServerSnapshot {
        var state = HostState()
        (state.cpu, state.memUsed, state.netInSpeed) = (12.345678, 512, 1536)
        return ServerSnapshot(
            id: 7, name: "web \"1\"", host: HostInfo(memTotal: 1024), state: state,
            geoIP: GeoIPInfo(ipv4: "192.0.2.7", ipv6: "2001:db8::7"))
    }

    private func fill(_ template: String, units: Bool = false, server: ServerSnapshot?) -> String {
        let message = NotificationMessage(text: "a \"b\" & c", time: "now", server: server)
        return Placeholders.fill(template, { message.value(of: $0, units: units) }, escape: { $0 })
    }

    @Test("what is filled in again and again is cut")
    func bound() {
        let text = String(repeating: "x", count: 100_000)
        let filled = Placeholders.fill(String(repeating: "#A#", count: 1000), { _ in text }, escape: { $0 })
        #expect((Placeholders.limit...Placeholders.limit + text.utf8.count).contains(filled.utf8.count))
    }

    @Test(
        "each placeholder has its form",
        arguments: [
            ("#NEZHA#", "a \"b\" & c"), ("#DATETIME#", "now"), ("#SERVER.ID#", "7"), ("#SERVER.IP#", "192.0.2.7"),
            ("#SERVER.IPV6#", "2001:db8::7"), ("#SERVER.CPU#", "12.345678"), ("#SERVER.MEM#", "0.500000"),
            ("#SERVER.SWAP#", "0.000000"), ("#SERVER.SPEEDIN#", "1536/s"), ("#SERVER.MEMTOTAL#", "1024"),
            ("#SERVER.NOTHING#", "#SERVER.NOTHING#"), ("100 # of #NEZHA#", "100 # of a \"b\" & c"), ("#", "#"),
        ])
    func plain(_ template: String, _ expected: String) { #expect(fill(template, server: server) == expected) }

    @Test(
        "units are for people",
        arguments: [
            ("#SERVER.CPU#", "12.35 %"), ("#SERVER.MEM#", "50.00 %"), ("#SERVER.SPEEDIN#", "1.5 kB/s"),
            ("#SERVER.MEMUSED#", "512"),
        ])
    func units(_ template: String, _ expected: String) {
        #expect(fill(template, units: true, server: server) == expected)
    }

    @Test("without a server its placeholders stay; without a report they are empty")
    func missing() {
        #expect(fill("#SERVER.NAME#", server: nil) == "#SERVER.NAME#")
        #expect(fill("[#SERVER.CPU#]", server: ServerSnapshot(id: 1, name: "x")) == "[]")
    }

    @Test("what is filled in is not looked at again")
    func once() { #expect(fill("#SERVER.NAME#", server: ServerSnapshot(id: 1, name: "#NEZHA#")) == "#NEZHA#") }

    @Test("escapes of JSON and of queries")
    func escapes() {
        #expect(Placeholders.json("a \"b\"\n") == #"a \"b\"\n"#)
        #expect(PercentCode.form("a b&ü") == "a+b%26%C3%BC")
    }

    @Test("sizes", arguments: [(7, "7 B"), (1536, "1.5 kB"), (15 << 10, "15 kB"), (150 << 20, "150 MB")])
    func sizes(_ bytes: Int, _ expected: String) { #expect(Figures.size(UInt64(bytes)) == expected) }
}

@Suite struct MuteTableTests {
    private let key = MuteTable.Key(group: 1, subject: "x")
    private let start = Date(timeIntervalSince1970: 1_800_000_000)

    @Test("at once, then after 15 minutes, then after twice as long")
    func doubling() {
        var mutes = MuteTable()
        let found1 = mutes.allows(key, at: start)
        #expect(found1)
        let found2 = mutes.allows(key, at: start + 899)
        #expect(!found2)
        let found3 = mutes.allows(key, at: start + 900)
        #expect(found3)
        let found4 = mutes.allows(key, at: start + 900 + 1799)
        #expect(!found4)
        let found5 = mutes.allows(key, at: start + 900 + 1800)
        #expect(found5)
    }

    @Test("a day is the longest wait, and one that nobody asked for is forgotten")
    func bounds() {
        var mutes = MuteTable()
        var now = start
        for _ in 0..<20 {
            let found6 = mutes.allows(key, at: now)
            #expect(found6)
            now += MuteTable.longestWait
        }
        let found7 = mutes.allows(key, at: now - MuteTable.longestWait + 1)
        #expect(!found7)
        now += MuteTable.memory + 1
        let found8 = mutes.allows(key, at: now)
        #expect(found8)
        let found9 = mutes.allows(key, at: now + 900)
        #expect(found9, "it began anew")
    }

    @Test("what has changed is told at once")
    func clearing() {
        var mutes = MuteTable()
        _ = mutes.allows(key, at: start)
        mutes.clear(key)
        let found10 = mutes.allows(key, at: start)
        #expect(found10)
    }
}

@Suite struct NotifierTests {
    @Test("a message comes to every channel of its group, in the language of the settings")
    func delivery() async throws {
        let (world, sink) = (try EngineWorld(), HTTPSink())
        try await LocalService.with(sink.serve) { port in
            let group = try await world.group(port: port, body: ##"{"m": "#NEZHA#"}"##)
            try await world.notifier.load()
            try await EngineWorld.running([world.notifier.run]) {
                world.notifier.notify(group: group, "a \"text\"")
                try await sink.wait(for: 1)
            }
        }
        #expect(sink.bodies == [#"{"m": "a \"text\""}"#])
        #expect(sink.requests.first?.fields["content-type"] == "application/json")
    }

    @Test("three more tries, then the message is lost and the next one comes")
    func retries() async throws {
        let (world, sink) = (try EngineWorld(), HTTPSink())
        sink.answer([500, 500, 500, 500, 200])
        try await LocalService.with(sink.serve) { port in
            let group = try await world.group(port: port)
            try await world.notifier.load()
            try await EngineWorld.running([world.notifier.run]) {
                world.notifier.notify(group: group, "first")
                world.notifier.notify(group: group, "second")
                try await sink.wait(for: 5)
            }
        }
        #expect(sink.bodies == ["first", "first", "first", "first", "second"])
    }

    @Test("a queue holds 64; what comes on top is counted", arguments: [64, 65])
    func queue(_ count: Int) async throws {
        let world = try EngineWorld()
        let group = try await world.group(port: 9)
        try await world.notifier.load()
        for number in 0..<count { world.notifier.notify(group: group, "message \(number)") }
        #expect(world.notifier.dropped == count - 64)
        #expect(world.notifier.waiting == 64)
    }

    @Test(
        "the reason of a failed test message",
        arguments: [(200, nil), (204, nil), (404, "404@404 Not Found"), (302, "302@302 Found")])
    func test(_ status: Int, _ expected: String?) async throws {
        let (world, sink) = (try EngineWorld(), HTTPSink())
        sink.answer([status])
        let text = try await LocalService.with(sink.serve) { port in
            var form = NotificationForm()
            (form.url, form.requestMethod, form.requestType) = ("http://127.0.0.1:\(port)/", 1, 1)
            do throws(NotificationError) {
                try await world.notifier.test(form)
                return nil as String?
            } catch {
                return error.description
            }
        }
        #expect(text == expected)
    }

    @Test("a target inside is refused before anything is sent")
    func target() async throws {
        let world = try EngineWorld()
        var form = NotificationForm()
        (form.url, form.requestMethod, form.requestType) = ("http://10.0.0.1/", 1, 1)
        await #expect(throws: NotificationError.targetNotAllowed) { try await world.notifier.test(form) }
        form.requestMethod = 3
        await #expect(throws: NotificationError.unknownMethod) { try await world.notifier.test(form) }
        form.requestType = 0
        await #expect(throws: NotificationError.unknownBodyType) { try await world.notifier.test(form) }
    }
}
