import AgentLink
import Foundation
import HTTP
import Secrets
import Settings
import Storage
import Synchronization
import TestSupport
import Testing

@testable import MCPServer

@Suite("GET /mcp/download (mcp.md 7.5)")
struct TransferDownloadTests {
    private static let file = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    @Test("the file comes byte for byte, with its length, name and digest")
    func success() async throws {
        let world = try await TransferWorld()
        world.network.script(TransferScripts.serve(Self.file))
        let response = await world.download(try world.mint(.download, path: "/srv/data.bin"))
        #expect(response.head.status == .ok)
        let fields = response.head.headerFields
        #expect(fields[.contentType] == "application/octet-stream")
        #expect(fields[.contentDisposition] == "attachment; filename=\"data.bin\"")
        #expect(fields[.cacheControl] == "no-store")
        #expect(fields[.xContentTypeOptions] == "nosniff")
        #expect(fields[try #require(HTTPField.Name("Referrer-Policy"))] == "no-referrer")
        #expect(fields[try #require(HTTPField.Name("X-Content-SHA256"))] == SHA256Digest.hex(Self.file))
        guard case .stream(let length, _) = response.body else {
            Issue.record("not streamed")
            return
        }
        #expect(length == 10_000)
        #expect(try await TransferHTTP.bytes(response) == Self.file)
        #expect(await world.isAtRest())
        let task = try #require(world.network.streams.first).task
        #expect(task.operation == .download)
        #expect(task.path == "/srv/data.bin")
        #expect(task.size == 0)
    }

    @Test("an empty file is served")
    func empty() async throws {
        let world = try await TransferWorld()
        world.network.script(TransferScripts.serve([]))
        let response = await world.download(try world.mint(.download))
        #expect(response.head.status == .ok)
        #expect(try await TransferHTTP.bytes(response).isEmpty)
        #expect(await world.isAtRest())
    }

    @Test("a URL works once, also for many at the same time")
    func singleUse() async throws {
        let world = try await TransferWorld(
            configuration: .init(concurrentTransfers: 64, concurrentTransfersPerUser: 64))
        world.network.script(TransferScripts.serve(Self.file))
        let token = try world.mint(.download)
        let statuses = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<32 {
                group.addTask {
                    let response = await world.download(token)
                    _ = try? await TransferHTTP.bytes(response)
                    return response.head.status.code
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.filter { $0 == 200 }.count == 1)
        #expect(statuses.filter { $0 == 401 }.count == 31)
        #expect(world.network.streams.count == 1)
        #expect(await world.isAtRest())
    }

    @Test("a failure of the agent is 502 with its reason, never 200 with half a file")
    func agentFailures() async throws {
        let begin = TransferFrame.downloadBegins(size: 4).bytes
        let half = TransferFrame.chunk([1, 2]).bytes
        let rest = TransferFrame.chunk([3, 4]).bytes
        let cases: [([[UInt8]], String, ToolOutcome)] = [
            ([], "agent did not return download header", .agentTimeout),
            ([TransferFrame.error("file or directory does not exist").bytes], "does not exist", .agentError),
            ([Array("junk".utf8)], "unexpected header magic", .agentError),
            ([begin, half], "stream relay failed", .agentError),
            ([begin, half, TransferFrame.error("source truncated").bytes], "source truncated", .agentError),
            ([begin, half, rest], "did not send final transfer frame", .agentError),
            ([begin, half, rest, rest], "agent oversent", .agentError),
            (
                [begin, half, rest, TransferFrame.done(size: 4, sha256: SHA256Digest.hash([1])).bytes],
                "download final frame: sha256 mismatch", .agentError
            ),
        ]
        for (messages, text, outcome) in cases {
            let world = try await TransferWorld()
            world.network.script(TransferScripts.messages(messages))
            let response = await world.download(try world.mint(.download))
            #expect(response.head.status == .badGateway)
            #expect(response.head.headerFields[.contentType] == "text/plain; charset=utf-8")
            let answer = try await TransferHTTP.text(response)
            #expect(answer.contains(text))
            let rows = await world.auditRows()
            #expect(rows.map(\.outcome) == [outcome.rawValue])
            #expect(rows.map(\.errorMessage) == [answer], "the row tells what the client was told")
            #expect(await world.isAtRest(), "\(text)")
        }
    }

    @Test(
        "a stream that does not open is 502",
        arguments: [
            (.offline, "server offline", .serverOffline),
            (.notAttached(seconds: 30), "agent did not attach within 30s", .agentTimeout),
            (.tooManyStreams("too many concurrent streams"), "too many concurrent streams", .agentError),
        ] as [(AgentCallError, String, ToolOutcome)])
    func openFailures(error: AgentCallError, text: String, outcome: ToolOutcome) async throws {
        let world = try await TransferWorld()
        world.network.refuse(with: error)
        let response = await world.download(try world.mint(.download))
        #expect(response.head.status == .badGateway)
        #expect(try await TransferHTTP.text(response).contains(text))
        let rows = await world.auditRows()
        #expect(rows.map(\.outcome) == [outcome.rawValue])
        #expect(rows.map(\.errorMessage) == [text], "the row tells what the client was told")
        #expect(await world.isAtRest())
    }

    @Test(
        "messages of any size make the file, where batches end as well",
        arguments: [(64, 1), (65, 1), (10_000, 1), (1 << 20, 1 << 18), ((1 << 20) + 1, 1 << 18), (3_000_000, 999_999)])
    func pieces(size: Int, chunk: Int) async throws {
        let file = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
        let world = try await TransferWorld()
        world.network.script(TransferScripts.serve(file, chunk: chunk))
        #expect(try await TransferHTTP.bytes(await world.download(try world.mint(.download))) == file)
        #expect(await world.isAtRest())
    }

    @Test("a user has their share of the places, and who comes next is served; their URL stays good")
    func fairness() async throws {
        let world = try await TransferWorld(
            configuration: .init(concurrentTransfers: 3, concurrentTransfersPerUser: 1))
        world.network.script(TransferScripts.trickle)
        async let slow = world.download(try world.mint(.download))
        // The place is taken earlier; the agent must have begun before it is given another script.
        #expect(await TransferWorld.eventually { world.network.openCount == 1 })

        let second = try world.mint(.download)
        let refused = await world.download(second)
        #expect(refused.head.status == .serviceUnavailable)
        #expect(refused.head.headerFields[.retryAfter] == "5")
        #expect(try await TransferHTTP.text(refused).contains("for this user"))

        try await world.changed { rows in
            rows.tokens[6] = rows.tokens[5]
            rows.tokens[6]?.id = 6
            rows.tokens[6]?.userID = 2
        }
        world.network.script(TransferScripts.serve(Self.file))
        let other = try world.mint(.download) { ($0.userID, $0.tokenID) = (2, 6) }
        #expect(try await TransferHTTP.bytes(await world.download(other)) == Self.file)

        world.live.cancel(cause: .shutdown) { _ in true }
        #expect(try await slow.head.status == .badGateway)
        #expect(try await TransferHTTP.bytes(await world.download(second)) == Self.file)
        #expect(await world.isAtRest())
    }

    @Test("HEAD tells what GET would, the length included, and does not use the URL up")
    func head() async throws {
        let world = try await TransferWorld()
        world.network.script(TransferScripts.serve(Self.file))
        let token = try world.mint(.download)
        for _ in 0..<3 {
            let response = await world.download(token, method: .head)
            #expect(response.head.status == .ok)
            #expect(response.head.headerFields[.contentDisposition] == "attachment; filename=\"data.bin\"")
            guard case .stream(let length, _) = response.body else {
                Issue.record("no length")
                return
            }
            #expect(length == 10_000)
            #expect(try await TransferHTTP.bytes(response).isEmpty)
            #expect(await world.isAtRest())
        }
        #expect(await world.auditRows().map(\.outcome) == ["ok", "ok", "ok"])
        #expect(try await TransferHTTP.bytes(await world.download(token)) == Self.file)
        #expect(await world.download(token, method: .head).head.status == .unauthorized)
    }

    @Test("HEAD asks for the same rights and gives the agent's reason, and the URL stays")
    func headFailures() async throws {
        let world = try await TransferWorld()
        let token = try world.mint(.download)
        #expect(await world.download(token, method: .head).head.status == .badGateway)
        world.network.script(TransferScripts.refusal("file or directory does not exist"))
        #expect(await world.download(token, method: .head).head.status == .badGateway)
        world.settings.set { $0.enableMCP = false }
        #expect(await world.download(token, method: .head).head.status == .unauthorized)
        #expect(world.urls.count == 1)
        #expect(await world.auditRows().map(\.outcome) == ["server_offline", "agent_error", "mcp_disabled"])
        #expect(await world.isAtRest())
    }

    @Test("other methods are refused and leave the URL alone", arguments: [HTTPRequest.Method.post, .put, .delete])
    func otherMethods(_ method: HTTPRequest.Method) async throws {
        let world = try await TransferWorld()
        let token = try world.mint(.download)
        let response = await world.download(token, method: method)
        #expect(response.head.status == .methodNotAllowed)
        #expect(response.head.headerFields[.allow] == "GET, HEAD")
        #expect(world.urls.count == 1)
    }

    @Test("16 transfers at a time, the 17th is told to come back and keeps its URL")
    func concurrency() async throws {
        let world = try await TransferWorld()
        world.network.script(TransferScripts.trickle)
        let running = try (0..<16).map { _ in
            let token = try world.mint(.download)
            return Task { await world.download(token) }
        }
        #expect(await TransferWorld.eventually { world.network.openCount == 16 })
        let token = try world.mint(.download)
        let response = await world.download(token)
        #expect(response.head.status == .serviceUnavailable)
        #expect(response.head.headerFields[.retryAfter] == "5")
        world.live.cancel(cause: .shutdown) { _ in true }
        for task in running { _ = await task.value }
        #expect(await world.isAtRest())
        world.network.script(TransferScripts.serve(Self.file))
        #expect(await world.download(token).head.status == .ok)
    }

    @Test("without room for the largest file on the spool's disk the URL is kept")
    func diskFull() async throws {
        let spare = 1000
        for (free, isEnough) in [(104_857_600 + spare - 1, false), (104_857_600 + spare, true)] {
            let world = try await TransferWorld(configuration: .init(spareDiskBytes: spare), freeBytes: free)
            world.network.script(TransferScripts.serve(Self.file))
            let response = await world.download(try world.mint(.download))
            #expect(response.head.status == (isEnough ? .ok : .serviceUnavailable))
            #expect((response.head.headerFields[.retryAfter] == nil) == isEnough)
            #expect(world.urls.count == (isEnough ? 0 : 1))
            _ = try await TransferHTTP.bytes(response)
            #expect(await world.isAtRest())
        }
    }

    @Test("a spool that cannot be made is 500")
    func noSpool() async throws {
        let world = try await TransferWorld()
        try FileManager.default.removeItem(atPath: world.spoolDirectory)
        world.network.script(TransferScripts.serve(Self.file))
        let response = await world.download(try world.mint(.download))
        #expect(response.head.status == .internalServerError)
        let text = try await TransferHTTP.text(response)
        #expect(text.hasPrefix("transfer spool: "))
        #expect(!text.contains(world.spoolDirectory))
        #expect(await world.isAtRest())
    }

    @Test("a client that leaves frees everything, before its first byte and in the middle", arguments: [0, 1])
    func clientLeaves(after pieces: Int) async throws {
        struct Gone: Error {}
        let world = try await TransferWorld()
        world.network.script(TransferScripts.serve([UInt8](repeating: 7, count: 700_000), chunk: 100_000))
        let response = await world.download(try world.mint(.download))
        guard case .stream(_, let produce) = response.body else {
            Issue.record("not streamed")
            return
        }
        let written = Mutex(0)
        await #expect(throws: Gone.self) {
            try await produce { _ in
                guard written.withLock({ $0 }) < pieces else { throw Gone() }
                written.withLock { $0 += 1 }
            }
        }
        #expect(await world.auditRows().map(\.outcome) == ["cancelled"])
        #expect(await world.isAtRest())
    }

    @Test("a client that leaves while the file is fetched ends the stream")
    func clientLeavesEarly() async throws {
        let world = try await TransferWorld()
        world.network.script(TransferScripts.trickle)
        let token = try world.mint(.download)
        let request = Task { await world.download(token) }
        #expect(await TransferWorld.eventually { world.network.openCount == 1 })
        request.cancel()
        _ = await request.value
        #expect(await world.auditRows().map(\.outcome) == ["cancelled"])
        #expect(await world.isAtRest())
    }

    @Test("names of files are plain in ASCII, exact beside it, and cannot end the header")
    func disposition() {
        let cases = [
            "/a/b.txt": "attachment; filename=\"b.txt\"",
            "/a/mit leer.txt": "attachment; filename=\"mit leer.txt\"",
            "C:\\dir\\x.log": "attachment; filename=\"x.log\"",
            "/": "attachment; filename=\"download\"",
            "/a/..": "attachment; filename=\"download\"",
            "/a/\u{e9}": "attachment; filename=\"_\"; filename*=UTF-8''%C3%A9",
            "/a/x\"y": "attachment; filename=\"x_y\"; filename*=UTF-8''x%22y",
            "/a/x\r\nA: y": "attachment; filename=\"x__A: y\"; filename*=UTF-8''x%0D%0AA%3A%20y",
        ]
        for (path, header) in cases { #expect(TransferFields.disposition(path: path) == header) }
    }

    @Test("100 MiB pass byte for byte through a few MiB of memory; one byte more is refused")
    func largest() async throws {
        let world = try await TransferWorld()
        let size = 104_857_600
        let piece = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        world.network.script { stream in
            var hash = SHA256Stream()
            try await stream.say(.downloadBegins(size: UInt64(size)))
            for number in 0..<100 {
                var chunk = piece
                chunk[0] = UInt8(number)
                hash.update(chunk)
                try await stream.say(.chunk(chunk[...]))
            }
            try await stream.say(.done(size: UInt64(size), sha256: hash.finish()))
        }
        let response = await world.download(try world.mint(.download))
        #expect(response.head.status == .ok)
        guard case .stream(let length, let produce) = response.body else { return }
        #expect(length == Int64(size))
        let received = Mutex(Tally())
        try await produce { piece in received.withLock { $0.add(piece) } }
        let (count, largest, digest) = received.withLock { $0.take() }
        #expect(count == size)
        #expect(largest <= 256 * 1024)
        let announced = response.head.headerFields[try #require(HTTPField.Name("X-Content-SHA256"))]
        #expect(announced == Hex.encode(digest))
        #expect(await world.isAtRest())

        world.network.script { try await $0.say(.downloadBegins(size: UInt64(size) + 1)) }
        let refused = await world.download(try world.mint(.download))
        #expect(refused.head.status == .badGateway)
        #expect(try await TransferHTTP.text(refused).contains("declared size exceeds MCP transfer cap"))
    }

    private struct Tally: ~Copyable {
        var count = 0
        var largest = 0
        var hash: SHA256Stream? = SHA256Stream()

        mutating func add(_ piece: [UInt8]) {
            count += piece.count
            largest = max(largest, piece.count)
            hash?.update(piece)
        }

        mutating func take() -> (Int, Int, [UInt8]) {
            let hash = hash.take()
            return (count, largest, hash?.finish() ?? [])
        }
    }
}
