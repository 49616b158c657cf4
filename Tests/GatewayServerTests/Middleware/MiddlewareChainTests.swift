import HTTP
import Logging
import Synchronization
import Testing

@testable import GatewayServer

@Suite("What every request passes")
struct MiddlewareChainTests {
    /// Notes that it was asked, changes the request's path, and may answer.
    private struct Step: Middleware {
        let name: String
        var answers = false
        let seen: LineCollector

        func answer(_ request: inout InboundRequest, _ rule: PathRule) async -> OutboundResponse? {
            seen.add("\(name) \(request.path)")
            request.head.path = "\(request.path)/\(name)"
            return answers ? .text(.forbidden, name) : nil
        }
    }

    private let request = InboundRequest(
        head: HTTPRequest(method: .get, scheme: "http", authority: "g", path: "/p"), id: "id1",
        client: ClientAddress(peer: "192.0.2.1", real: nil), isSecure: false, body: .empty)

    private func chain(_ steps: [Step], seen: LineCollector, log: LineCollector) -> MiddlewareChain {
        let logger = Logger(label: "test") { label in
            LineLogHandler(label: label, format: .text, logLevel: .info) { log.add($0) }
        }
        return MiddlewareChain(steps, log: AccessLog(logger: logger)) { request, _ in
            seen.add("last \(request.path)")
            return .text(.ok, "last")
        }
    }

    @Test("each is asked in its turn, sees what those before it changed, and the last one answers")
    func order() async {
        let (seen, log) = (LineCollector(), LineCollector())
        let steps = [Step(name: "a", seen: seen), Step(name: "b", seen: seen)]
        let response = await chain(steps, seen: seen, log: log).answer(request)
        #expect(response.head.status == .ok)
        #expect(seen.lines == ["a /p", "b /p/a", "last /p/a/b"])
    }

    @Test("with an answer the way ends, and the log has one line of it, with the request as it was by then")
    func ends() async {
        let (seen, log) = (LineCollector(), LineCollector())
        let steps = [Step(name: "a", answers: true, seen: seen), Step(name: "b", seen: seen)]
        let response = await chain(steps, seen: seen, log: log).answer(request)
        #expect(response.head.status == .forbidden)
        #expect(seen.lines == ["a /p"])
        #expect(log.lines.count == 1)
        #expect(log.lines.first?.contains("path=/p/a") == true && log.lines.first?.contains("status=403") == true)
    }
}
