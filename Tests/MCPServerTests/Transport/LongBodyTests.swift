import Dispatch
import HTTP
import JSON
import Synchronization
import Testing

@testable import MCPServer

@Suite("Long bodies leave the loop")
struct LongBodyTests {
    /// One thread that is a loop to what runs on it, as the listener's are.
    private final class OneThread: SerialExecutor, TaskExecutor {
        private static let key = DispatchSpecificKey<Bool>()
        private let queue = DispatchQueue(label: "loop")

        init() { queue.setSpecific(key: Self.key, value: true) }

        static var isCurrent: Bool { DispatchQueue.getSpecific(key: key) ?? false }

        func enqueue(_ job: consuming ExecutorJob) {
            let job = UnownedJob(job)
            queue.async {
                job.runSynchronously(
                    isolatedTo: self.asUnownedSerialExecutor(), taskExecutor: self.asUnownedTaskExecutor())
            }
        }
    }

    private actor Loop {
        let thread = OneThread()
        nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

        func run<Value: Sendable>(_ body: @Sendable () async throws -> Value) async rethrows -> Value {
            #expect(OneThread.isCurrent)
            defer { #expect(OneThread.isCurrent) }
            return try await body()
        }
    }

    private struct WhereTool: Tool {
        let definition = ToolDefinition(
            name: "probe.where", title: "Where", description: "Where", access: .user([]),
            exposure: .mcp(toolset: .core), isBrief: true,
            inputSchema: SchemaSource(Array(#"{"type":"object","properties":{"text":{"type":"string"}}}"#.utf8)),
            outputSchema: SchemaSource(Array(#"{"type":"object"}"#.utf8)))

        struct Input: Decodable, Sendable { var text: String? }
        struct Output: Encodable, Sendable { var onLoop: Bool }

        func run(_ input: Input, in call: ToolCall) async throws -> Output { Output(onLoop: OneThread.isCurrent) }
    }

    /// Whether a call whose body has so many bytes is answered on the loop that it came in by.
    private func staysOnLoop(_ count: Int) async throws -> Bool? {
        let gateway = try await TestGateway(extra: [WhereTool()])
        let owner = try await gateway.user("owner")
        let issued = try await gateway.issuer.issue(
            TokenIssuer.Request(name: "ci", scopes: ["nezha:server:*"]), for: UserIdentity(owner))
        try await gateway.identity.refresh()
        let endpoint = gateway.endpoint()
        func body(_ text: String) -> String {
            #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"probe.where","arguments":{"text":"\#(text)"}}}"#
        }
        let whole = Array(body(String(repeating: "x", count: count - body("").utf8.count)).utf8)
        #expect(whole.count == count)
        let loop = Loop()
        let answer = try await Task(executorPreference: loop.thread) {
            try await loop.run {
                let unread = Mutex<[UInt8]?>(whole)
                let head = HTTPRequest(
                    method: .post, scheme: "http", authority: "gateway.test", path: "/mcp",
                    headerFields: [.authorization: "Bearer \(issued.secret)"])
                let response = await endpoint.handle(
                    InboundRequest(
                        head: head, id: "r-1", client: ClientAddress(peer: nil, real: nil), isSecure: false,
                        body: RequestBody { unread.withLock { $0.take() } }))
                return try await TransferHTTP.bytes(response)
            }
        }.value
        return try JSONParser.parse(answer)["result"]?["structuredContent"]?["onLoop"]?.boolValue
    }

    @Test("a body of 256 KiB is read where it came in, one byte more elsewhere, and the answer is back on the loop")
    func bothSides() async throws {
        #expect(try await staysOnLoop(MCPEndpoint.longBody) == true)
        #expect(try await staysOnLoop(MCPEndpoint.longBody + 1) == false)
    }
}
