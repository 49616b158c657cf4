import AgentLink
import Foundation
import TestSupport
import Testing
import Transport

/// Every task number of `agent-link.md` 2 over the real link to the built `nezha-agent`: what it answers, and how it
/// refuses when a switch forbids it.
@Suite("Every task, with nezha-agent", .timeLimit(.minutes(5)))
struct TaskMatrixTests {
    /// What comes of a task.
    private enum Answer: Equatable {
        case reply(successful: Bool, contains: String)
        /// The opener is told in time; nothing is answered.
        case stream
        case silence
    }

    private static let all = AgentTaskType.allCases
    private static let limit = Duration.seconds(30)

    private static func streamBody(_ type: AgentTaskType, _ id: String, port: Int) -> String {
        switch type {
        case .nat: NATTask(streamID: id, host: "127.0.0.1:\(port)").jsonText()
        case .fsTransfer: FsTransferTask(streamID: id, operation: .download, path: "/etc/hostname").jsonText()
        default: StreamTask(streamID: id).jsonText()
        }
    }

    private static func purpose(_ type: AgentTaskType) -> AgentStreamPurpose? {
        AgentStreamPurpose.allCases.first { $0.taskType == type }
    }

    private static func body(_ type: AgentTaskType, port: Int, folder: String) -> String {
        switch type {
        case .httpGet: "http://127.0.0.1:\(port)/"
        case .icmpPing: "127.0.0.1"
        case .tcpPing: "127.0.0.1:\(port)"
        case .command: "echo out; echo err >&2"
        case .applyConfig: #"{"report_delay":2}"#
        case .serverTransferApply: #"{"client_secret":"0123456789abcdefghijklmnopqrstuv"}"#
        case .exec: #"{"cmd":"echo","args":["out"]}"#
        case .fsList: FsListTask(path: folder).jsonText()
        case .fsRead: FsReadTask(path: folder + "/file").jsonText()
        case .fsWrite: FsWriteTask(path: folder + "/file", content: "content").jsonText()
        case .fsDelete: FsDeleteTask(path: folder + "/file").jsonText()
        case .cancel: #"{"id":1}"#
        case .upgrade, .keepalive, .reportConfig, .terminal, .nat, .fileManager, .fsTransfer: ""
        }
    }

    /// Without any switch. Written out, so that a new number asks for its row.
    private static func usual(_ type: AgentTaskType) -> Answer {
        switch type {
        case .httpGet, .tcpPing, .keepalive: .reply(successful: type != .keepalive, contains: "")
        // Needs a right that a container may lack; then it is named.
        case .icmpPing: .reply(successful: true, contains: "")
        case .command: .reply(successful: true, contains: "out\n")
        case .upgrade: .reply(successful: false, contains: "this agent does not replace itself")
        case .reportConfig: .reply(successful: true, contains: #""report_delay":1"#)
        case .applyConfig: .reply(successful: true, contains: "")
        case .serverTransferApply: .reply(successful: false, contains: "needs tls without insecure_tls")
        case .exec: .reply(successful: true, contains: #""stdout":"out\n""#)
        case .fsList: .reply(successful: true, contains: #""name":"file""#)
        case .fsRead: .reply(successful: true, contains: #""content":"content""#)
        case .fsWrite: .reply(successful: true, contains: #""size":7"#)
        case .fsDelete: .reply(successful: true, contains: #""deleted_count":1"#)
        case .terminal, .nat, .fileManager, .fsTransfer: .stream
        case .cancel: .silence
        }
    }

    /// With every switch on (`agent-link-details.md` 2, gates).
    private static func refused(_ type: AgentTaskType) -> Answer {
        switch type {
        case .httpGet, .icmpPing, .tcpPing:
            .reply(successful: false, contains: "This server has disabled query sending")
        case .command, .reportConfig, .applyConfig, .serverTransferApply:
            .reply(successful: false, contains: "This server has disabled command execution")
        case .upgrade, .keepalive: .reply(successful: false, contains: "")
        case .exec: .reply(successful: true, contains: #""error":"agent disabled command execution""#)
        case .fsList, .fsRead, .fsWrite, .fsDelete:
            .reply(successful: true, contains: #""error":"agent disabled file operations""#)
        // Opens, and ends with an error frame.
        case .fsTransfer: .stream
        case .terminal, .nat, .fileManager, .cancel: .silence
        }
    }

    private static func check(
        _ type: AgentTaskType, _ expected: Answer, on agent: LinkedAgent, port: Int, folder: String
    ) async throws {
        if let purpose = purpose(type) {
            let patience: Duration = expected == .stream ? limit : .seconds(1)
            let opening = { @Sendable in
                try await agent.link.openStream(purpose, userID: 1, attachTimeout: patience) {
                    streamBody(type, $0, port: port)
                }
            }
            guard expected == .stream else {
                await #expect(throws: AgentCallError.notAttached(seconds: 1), "\(type)") { try await opening().close() }
                return
            }
            let stream = try await opening()
            if purpose == .transfer {
                let frame = try TransferFrame(try #require(try await stream.receive()))
                if case .downloadBegins = frame {
                    #expect(refused(type) == .stream)
                } else {
                    #expect(frame == .error("agent disabled file operations"))
                }
            }
            await stream.close()
            return
        }
        do {
            let patience: Duration = expected == .silence ? .seconds(1) : limit
            let sent = body(type, port: port, folder: folder)
            let reply = try await agent.link.call(type, body: sent, timeout: patience)
            guard case .reply(let successful, let text) = expected else {
                Issue.record("\(type) was answered")
                return
            }
            let lacksRight = type == .icmpPing && !reply.successful
            #expect(reply.successful == successful || lacksRight, "\(type): \(reply.data)")
            #expect(text.isEmpty || reply.data.contains(text), "\(type): \(reply.data)")
            if type == .command { #expect(!reply.data.contains("err")) }
        } catch AgentCallError.timeout {
            #expect(expected == .silence, "\(type) was not answered")
        }
    }

    private func withService(_ body: @escaping @Sendable (_ port: Int, _ folder: String) async throws -> Void)
        async throws
    {
        let folder = try TemporaryFolder()
        let answer: LocalService.Serve = { service in
            guard try await service.receive() != nil else { return }
            try await service.send(
                Array("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok".utf8))
        }
        try await LocalService.with(answer) { port in try await body(port, folder.path) }
    }

    @Test("each does its work and answers as the contract says")
    func usual() async throws {
        try await withService { port, folder in
            try await LinkedAgent.with { agent in
                // A change of the settings waits ten seconds, during which they are not reported; so it is last. The
                // file is made before it is looked at.
                let order = Self.all.sorted { first, second in
                    func place(_ type: AgentTaskType) -> Int {
                        switch type {
                        case .fsWrite: 0
                        case .applyConfig: 2
                        default: 1
                        }
                    }
                    return (place(first), first.rawValue) < (place(second), second.rawValue)
                }
                for type in order {
                    try await Self.check(type, Self.usual(type), on: agent, port: port, folder: folder)
                }
                #expect(agent.attachments.count == 1)
                #expect(agent.directory.counters.snapshot.mistypedResults == 0)
            }
        }
    }

    @Test("each is refused in its own way when the four switches are on, and does nothing")
    func refused() async throws {
        try await withService { port, folder in
            let switches = ["command_execute", "nat", "send_query", "force_update"].map { "disable_\($0): true" }
            try await LinkedAgent.with(switches.joined(separator: "\n")) { agent in
                for type in Self.all {
                    try await Self.check(type, Self.refused(type), on: agent, port: port, folder: folder)
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
                #expect(agent.attachments.count == 1)
            }
        }
    }
}
