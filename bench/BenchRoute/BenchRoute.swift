import Glibc
import HTTP
import Logging
import Transport

/// `BenchRoute <port>`: answers `POST /mcp` on 127.0.0.1 with the bytes that standard input held at start, after reading
/// the request's body, over HTTP/1.1 and HTTP/2. What our listener reaches when it does nothing else, as
/// `bench/tools-call` compares with.
@main
enum BenchRoute {
    static func main() async throws {
        guard CommandLine.arguments.count == 2, let port = UInt16(CommandLine.arguments[1]) else {
            print("usage: BenchRoute <port> < answer")
            exit(EX_USAGE)
        }
        DescriptorLimit.raise()
        let answer = standardInput()
        let server = HTTPServer(
            group: EventLoopGroup(count: 2), logger: Logger(label: "bench-route")
        ) { request in
            guard request.path == "/mcp", request.head.method == .post,
                (try? await request.body.collect(upTo: 8 << 20)) != nil
            else { return .empty(.notFound) }
            let head = HTTPResponse(
                status: .ok, headerFields: [.contentType: "application/json; charset=utf-8"])
            return OutboundResponse(head: head, body: .bytes(answer))
        }
        _ = try await server.listen(host: "127.0.0.1", port: port)
        // Until it is ended by a signal.
        while true { try await Task.sleep(for: .seconds(3600)) }
    }

    private static func standardInput() -> [UInt8] {
        var whole: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = unsafe read(STDIN_FILENO, &piece, piece.count)
            guard count > 0 else { return whole }
            whole += piece.prefix(count)
        }
    }
}
