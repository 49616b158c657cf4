import HTTPTypes
import Hummingbird
import Logging
import NIOCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// `BenchRoute <port>`: answers `POST /mcp` on 127.0.0.1 with the bytes that standard input held at start, after reading
/// the request's body. What a Hummingbird server reaches that does nothing else, as `bench/tools-call` compares with.
@main
struct BenchRoute {
    static func main() async throws {
        guard CommandLine.arguments.count == 2, let port = Int(CommandLine.arguments[1]) else {
            print("usage: BenchRoute <port> < answer")
            exit(EX_USAGE)
        }
        let answer = ByteBuffer(bytes: standardInput())
        let router = Router()
        router.post("/mcp") { request, _ in
            _ = try await request.body.collect(upTo: 8 << 20)
            return Response(
                status: .ok, headers: [.contentType: "application/json; charset=utf-8"],
                body: ResponseBody(byteBuffer: answer))
        }
        var logger = Logger(label: "bench-route")
        logger.logLevel = .error
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)), logger: logger)
        try await application.runService()
    }

    private static func standardInput() -> [UInt8] {
        var whole: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(STDIN_FILENO, &piece, piece.count)
            guard count > 0 else { return whole }
            whole += piece.prefix(count)
        }
    }
}
