import AgentLink
import FoundationEssentials
import HTTP
import Outbound
import Settings
import Storage
import Synchronization
import TestSupport
import TimeZones
import Transport

@testable import Monitoring

/// The engines over a database of their own, with agents in memory and a real HTTP service for channels.
final class EngineWorld: Sendable {
    private let scratch: Scratch
    let handle: SQLiteHandle
    let clock = TestClock()
    let roster = TestRoster()
    let network = TestAgents()
    let events: AgentEvents
    let settings = MemorySettings()
    let notifier: Notifier
    let tasks: TaskEngine
    let zone: Zone

    var storage: Storage { handle.storage }

    init() throws {
        let clock = clock
        let now: @Sendable () -> Date = { clock.now }
        scratch = try Scratch()
        handle = try SQLiteDatabase.open(path: scratch.folder + "/sqlite.db", mode: .serve, logger: quiet)
        zone = try Zone.named("UTC")
        events = AgentEvents(now: now)
        guard let loopback = IPNetwork("127.0.0.0/8") else { throw CancellationError() }
        notifier = Notifier(
            storage: handle.storage, network: network,
            client: OutboundClient(guard: AddressGuard(allowing: [loopback])),
            settings: settings, zone: zone, logger: quiet, now: now, pause: { _ in })
        tasks = TaskEngine(
            storage: handle.storage, roster: roster, network: network, events: events, notifier: notifier, zone: zone,
            logger: quiet, now: now)
    }

    deinit { handle.close() }

    /// A group with one channel that posts `#NEZHA#` to a port of this machine.
    func group(port: Int, body: String = "#NEZHA#") async throws -> Int64 {
        var form = NotificationForm()
        (form.url, form.requestMethod, form.requestType) = ("http://127.0.0.1:\(port)/sink", 2, 1)
        form.requestBody = body
        let channel = try await storage.rows(of: NotificationForm.self).insert(form, owner: 1, at: clock.now)
        var group = NotificationGroupForm()
        group.notifications = [channel.id]
        return try await storage.rows(of: NotificationGroupForm.self).insert(group, owner: 1, at: clock.now).id
    }

    /// Runs background work while `body` does its own.
    static func running(
        _ work: [@Sendable () async -> Void], _ body: @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for each in work { group.addTask { await each() } }
            defer { group.cancelAll() }
            try await body()
        }
    }
}

/// User 1 is an administrator; servers 1 and 2 are theirs, server 3 is user 5's.
final class TestRoster: Roster {
    private let list = Mutex(
        [(1, 1, "alpha"), (2, 1, "beta"), (3, 5, "gamma")].map { id, owner, name in
            ServerRecord(
                id: Int64(id), userID: Int64(owner), uuid: "u-\(id)", name: name,
                createdAt: Date(timeIntervalSince1970: 0), updatedAt: Date(timeIntervalSince1970: 0))
        })

    var servers: [ServerRecord] { list.withLock { $0 } }
    func server(id: Int64) -> ServerRecord? { list.withLock { $0.first { $0.id == id } } }
    func isAdministrator(_ user: Int64) -> Bool { user == 1 }
    func change(_ change: (inout [ServerRecord]) -> Void) { list.withLock { change(&$0) } }
}

/// Agents that note what they are sent.
final class TestAgents: AgentNetwork {
    struct Sent: Sendable, Equatable {
        var type: AgentTaskType
        var id: UInt64
        var body: String
        var server: Int64
    }

    private struct State {
        var sent: [Sent] = []
        var offline: Set<Int64> = []
        var presence: [Int64: AgentPresence] = [:]
    }

    private let state = Mutex(State())

    var sent: [Sent] { state.withLock { $0.sent } }
    /// What was sent since the last time.
    func takeSent() -> [Sent] {
        state.withLock { state in
            defer { state.sent = [] }
            return state.sent
        }
    }
    func setOffline(_ servers: Set<Int64>) { state.withLock { $0.offline = servers } }
    func report(_ presence: AgentPresence, of server: Int64) { state.withLock { $0.presence[server] = presence } }

    func link(to id: Int64) async throws(AgentCallError) -> any AgentServerLink { throw .offline }
    func presence(of ids: [Int64]) async -> [Int64: AgentPresence] { state.withLock { $0.presence } }
    func server(ofStream id: String, for claim: AgentStreamClaim) async -> Int64? { nil }
    func attachStream(_ id: String, for claim: AgentStreamClaim) async throws(AgentCallError) -> any AgentStream {
        throw .streamRefused
    }
    func disconnect(server id: Int64, detach: Bool) async {}
    func send(_ type: AgentTaskType, id: UInt64, body: String, to server: Int64) async throws(AgentCallError) {
        let isOffline = state.withLock { state in
            if state.offline.contains(server) { return true }
            state.sent.append(Sent(type: type, id: id, body: body, server: server))
            return false
        }
        if isOffline { throw .offline }
    }
}

/// Takes every request and answers what it is told to.
final class HTTPSink: Sendable {
    struct Request: Sendable {
        var line: String
        var fields: [String: String]
        var body: String
    }

    private let state = Mutex<(requests: [Request], statuses: [Int])>(([], []))
    private let answering = Mutex<Answering?>(nil)

    /// Makes the body of an answer.
    struct Answering: Sendable {
        var body: @Sendable (Request) -> String
    }

    /// Answers with these bodies from now on.
    func answer(with body: @escaping @Sendable (Request) -> String) {
        answering.withLock { $0 = Answering(body: body) }
    }

    var requests: [Request] { state.withLock { $0.requests } }
    var bodies: [String] { requests.map(\.body) }

    /// The statuses of the next answers; 200 after them.
    func answer(_ statuses: [Int]) { state.withLock { $0.statuses = statuses } }

    func serve(_ stream: ByteStream) async throws {
        var bytes: [UInt8] = []
        while true {
            if let end = Self.end(of: bytes) {
                let head = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n").map(String.init)
                var fields: [String: String] = [:]
                for line in head.dropFirst() {
                    let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
                    fields[parts[0].lowercased()] = parts.count > 1 ? String(parts[1].dropFirst()) : ""
                }
                let length = fields["content-length"].flatMap { Int($0) } ?? 0
                if bytes.count - end - 4 >= length {
                    let body = String(decoding: bytes[(end + 4)...].prefix(length), as: UTF8.self)
                    let request = Request(line: head[0], fields: fields, body: body)
                    let status = state.withLock { state in
                        state.requests.append(request)
                        return state.statuses.isEmpty ? 200 : state.statuses.removeFirst()
                    }
                    let text = answering.withLock { $0 }?.body(request) ?? ""
                    let answer =
                        "HTTP/1.1 \(status) X\r\ncontent-length: \(text.utf8.count)\r\nconnection: close\r\n\r\n\(text)"
                    return try await stream.send(Array(answer.utf8))
                }
            }
            guard let more = try await stream.receive() else { return }
            bytes += more
        }
    }

    private static func end(of bytes: [UInt8]) -> Int? {
        guard bytes.count >= 4 else { return nil }
        return (0...(bytes.count - 4)).first { bytes[$0..<($0 + 4)].elementsEqual("\r\n\r\n".utf8) }
    }

    /// Waits until so many requests have come.
    func wait(for count: Int) async throws {
        for _ in 0..<1000 {
            if requests.count >= count { return }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
