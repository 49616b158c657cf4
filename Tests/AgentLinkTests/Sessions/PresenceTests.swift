import Foundation
import Testing
import Transport

@testable import AgentLink

/// Writes down what it is told.
final class RecordingSink: AgentEventSink, AgentResultSink {
    private let lines = Lock<[String]>([])

    var seen: [String] { lines.withLock { $0 } }

    private func note(_ line: String) { lines.withLock { $0.append(line) } }

    func attached(server id: Int64, epoch: UInt64) { note("attached \(id) \(epoch)") }
    func detached(server id: Int64, epoch: UInt64) { note("detached \(id) \(epoch)") }
    func reported(host: HostInfo, previous: HostInfo?, server id: Int64) {
        note("host \(id) \(previous?.version ?? "-") \(host.version)")
    }
    func reported(state: HostState, growth: TrafficGrowth, at time: Date, server id: Int64) {
        note("state \(id) +\(growth.bytesIn) +\(growth.bytesOut)")
    }
    func reported(geoIP: GeoIPInfo, previous: GeoIPInfo?, server id: Int64) {
        note("geo \(id) \(previous?.ipv4 ?? "-") \(geoIP.ipv4)")
    }
    func result(server: Int64, type: AgentTaskType, id: UInt64, reply: AgentTaskReply) {
        note(id > 1 << 32 ? "\(server) \(type) \(reply.data)" : "\(server) \(type) \(id) \(reply.data)")
    }
}

@Suite("Presence", .timeLimit(.minutes(5)))
struct PresenceTests {
    let directory = AgentDirectory()

    @Test("a server is online while its last state is less than 30 s old and its state stream is open")
    func online() async throws {
        var configuration = AgentLinkConfiguration()
        configuration.now = { Date(timeIntervalSince1970: 1000) }
        let directory = AgentDirectory(configuration: configuration)
        let session = try directory.session(of: 1)
        #expect(await directory.presence(of: [1]).isEmpty)
        let stream = try session.openStateStream()
        var state = HostState()
        state.cpu = 5
        try session.report(state, on: stream)
        let presence = try #require(await directory.presence(of: [1, 2])[1])
        #expect(presence.state == state)
        #expect(presence.isOnline(at: Date(timeIntervalSince1970: 1029.9)))
        #expect(!presence.isOnline(at: Date(timeIntervalSince1970: 1030)))
        session.closeStateStream(stream)
        let after = try #require(await directory.presence(of: [1])[1])
        #expect(after.lastActive == nil)
        #expect(after.state == state)
    }

    @Test("the version of what is known is another one after each report and after their end, never one of before")
    func versions() async throws {
        var seen: Set<UInt64> = []
        func another(_ comment: Comment, of directory: AgentDirectory) async throws {
            let version = try #require(await directory.reportVersions(of: [1]))
            #expect(await directory.reportVersions(of: [1]) == version)
            #expect(seen.insert(version[0]).inserted, comment)
        }
        #expect(await directory.reportVersions(of: [1, 2]) == [0, 0])
        seen.insert(0)
        for _ in 0..<2 {
            let session = try directory.session(of: 1)
            try await another("attached", of: directory)
            let stream = try session.openStateStream()
            try session.report(HostState(), on: stream)
            try await another("state", of: directory)
            session.report(HostInfo())
            try await another("host", of: directory)
            session.report(GeoIPInfo())
            try await another("place", of: directory)
            session.closeStateStream(stream)
            try await another("silent", of: directory)
            await directory.disconnect(server: 1, detach: true)
            #expect(await directory.reportVersions(of: [1]) == [0])
        }
    }

    @Test("a newer state stream ends the old one at once, whose end then changes nothing")
    func supersede() async throws {
        let session = try directory.session(of: 1)
        let old = try session.openStateStream()
        let new = try session.openStateStream()
        #expect(try await old.ended.value() == .stateStreamSuperseded)
        try session.report(HostState(), on: new)
        #expect(throws: AgentStreamEnd.stateStreamSuperseded) { try session.report(HostState(), on: old) }
        session.closeStateStream(old)
        #expect(await directory.presence(of: [1])[1]?.lastActive != nil)
    }

    @Test("a host report with an earlier boot time counts")
    func earlierBootTime() async throws {
        let session = try directory.session(of: 1)
        session.report(HostInfo(bootTime: 100, version: "2.1.0"))
        session.report(HostInfo(bootTime: 99, version: "2.2.0"))
        #expect(await directory.presence(of: [1])[1]?.host?.version == "2.2.0")
    }

    @Test("the sink sees attachments, reports, growth and what was known before")
    func events() async throws {
        let sink = RecordingSink()
        let directory = AgentDirectory(events: sink)
        let agent = try FakeAgent(directory)
        let session = agent.session
        session.report(HostInfo(bootTime: 1, version: "a"))
        session.report(HostInfo(bootTime: 1, version: "b"))
        session.report(GeoIPInfo(ipv4: "192.0.2.1"))
        session.report(GeoIPInfo(ipv4: "192.0.2.2"))
        let stream = try session.openStateStream()
        for bytes: UInt64 in [100, 130] {
            var state = HostState()
            state.netInTransfer = bytes
            try session.report(state, on: stream)
        }
        let newer = try FakeAgent(directory)
        agent.close()
        newer.close()
        #expect(
            sink.seen == [
                "attached 1 1", "host 1 - a", "host 1 a b", "geo 1 - 192.0.2.1", "geo 1 192.0.2.1 192.0.2.2",
                "state 1 +0 +0", "state 1 +30 +0", "attached 1 2", "detached 1 2",
            ])
    }

    @Test("after the shutdown every stream has ended and none opens")
    func shutdown() async throws {
        let agents = try (1...100).map { try FakeAgent(directory, server: $0) }
        #expect(directory.attachedCount == 100)
        directory.shutdown()
        for agent in agents { #expect(try await agent.stream.ended.value() == .shutdown) }
        #expect(throws: AgentStreamEnd.shutdown) { try FakeAgent(directory, server: 1) }
        #expect(throws: AgentStreamEnd.shutdown) { try FakeAgent(directory, server: 1000) }
        #expect(directory.attachedCount == 0)
        directory.shutdown()
    }
}
