import AgentLink
import Foundation
import HTTP
import Secrets
import Storage
import Synchronization
import Testing

@testable import MCPServer

@Suite("POST /mcp/upload (mcp.md 7.6)")
struct TransferUploadTests {
    private static let file = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }

    @Test("the body reaches the agent byte for byte, and the answer says what was stored")
    func success() async throws {
        let world = try await TransferWorld()
        let stored = TransferBytes()
        world.network.script(TransferScripts.store(into: stored))
        let token = try world.mint(.upload) {
            $0.mode = "0600"
            $0.createDirs = true
            $0.ifMatchSHA256 = String(repeating: "a", count: 64)
        }
        let digest = SHA256Digest.hex(Self.file)
        let response = await world.upload(token, Self.file, query: "?sha256=\(digest.uppercased())")
        #expect(response.head.status == .ok)
        #expect(response.head.headerFields[.contentType] == "application/json; charset=utf-8")
        #expect(try await TransferHTTP.text(response) == "{\"size\":10000,\"sha256\":\"\(digest)\"}")
        #expect(stored.bytes == Self.file)
        let task = try #require(world.network.streams.first).task
        #expect(task.operation == .upload)
        #expect(task.size == 10_000)
        #expect(task.mode == "0600")
        #expect(task.createDirs)
        #expect(task.ifMatchSHA256 == String(repeating: "a", count: 64))
        #expect(task.expectedSHA256 == digest)
        #expect(await world.isAtRest())
        #expect(await world.auditRows().map(\.outcome) == ["ok"])
        #expect(await world.upload(token, Self.file).head.status == .unauthorized)
    }

    @Test("an empty body is legal")
    func empty() async throws {
        let world = try await TransferWorld()
        let stored = TransferBytes()
        world.network.script(TransferScripts.store(into: stored))
        let response = await world.upload(try world.mint(.upload), [])
        #expect(response.head.status == .ok)
        #expect(try await TransferHTTP.text(response).contains("\"size\":0"))
        #expect(await world.isAtRest())
    }

    @Test("a request that cannot be right is refused before the URL is used up")
    func unsoundRequests() async throws {
        let world = try await TransferWorld()
        world.network.script(TransferScripts.store(into: TransferBytes()))
        let token = try world.mint(.upload)
        let short = String(repeating: "a", count: 63)
        let cases: [(Int?, String, HTTPResponse.Status, String)] = [
            (nil, "", .lengthRequired, "Content-Length required"),
            (-1, "", .lengthRequired, "Content-Length required"),
            (104_857_601, "", .contentTooLarge, "body exceeds MCP transfer cap (100MiB)"),
            (1, "?sha256=\(short)", .badRequest, "sha256 must be 64 hex chars"),
            (1, "?a=b&sha256=\(short)g", .badRequest, "sha256 must be 64 hex chars"),
        ]
        for (length, query, status, text) in cases {
            let response = await world.upload(token, TransferHTTP.body([1]), length: length, query: query)
            #expect(response.head.status == status)
            #expect(try await TransferHTTP.text(response) == text)
        }
        #expect(world.network.streams.isEmpty)
        let digest = SHA256Digest.hex([1])
        #expect(await world.upload(token, [1], query: "?sha256=+\(digest)%20").head.status == .ok)
        for none in ["?sha256=", "?sha256", "?sha256=%20"] {
            world.network.script(TransferScripts.store(into: TransferBytes()))
            #expect(await world.upload(try world.mint(.upload), [1], query: none).head.status == .ok)
        }
        #expect(await world.isAtRest())
    }

    @Test("a stranger learns nothing from the checks of the request")
    func noOracle() async throws {
        let world = try await TransferWorld()
        let response = await world.upload("nobody", TransferHTTP.body([1]), length: nil)
        #expect(response.head.status == .unauthorized)
        #expect(try await TransferHTTP.text(response) == "invalid or already-used transfer token")
    }

    @Test("a body shorter or longer than its Content-Length is 502, and the agent is cut off")
    func bodyLength() async throws {
        for length in [9_999, 10_001] {
            let world = try await TransferWorld()
            world.network.script(TransferScripts.store(into: TransferBytes()))
            let response = await world.upload(try world.mint(.upload), Self.file, length: length)
            #expect(response.head.status == .badGateway)
            #expect(try await TransferHTTP.text(response).hasPrefix("stream relay failed: "))
            #expect(await world.isAtRest())
        }
    }

    @Test("the agent's refusal is passed on, before, during and after the body")
    func refusals() async throws {
        let early = TransferScripts.refusal("if_match precondition failed: sha256 mismatch")
        let during: TransferScript = { stream in
            try await stream.say(.uploadReady(size: UInt64(stream.task.size)))
            _ = try await stream.hear()
            try await stream.say(.error("internal agent error"))
        }
        let late: TransferScript = { stream in
            try await stream.say(.uploadReady(size: UInt64(stream.task.size)))
            var count = 0
            while count < stream.task.size, let frame = try await stream.hear() { count += frame.count }
            try await stream.say(.error("sha256 mismatch"))
        }
        let cases = [
            (early, "if_match precondition failed"), (during, "internal agent error"), (late, "sha256 mismatch"),
        ]
        for (script, text) in cases {
            let world = try await TransferWorld()
            world.network.script(script)
            let response = await world.upload(try world.mint(.upload), Self.file)
            #expect(response.head.status == .badGateway)
            #expect(try await TransferHTTP.text(response).contains(text))
            #expect(await world.auditRows().map(\.outcome) == ["agent_error"])
            #expect(await world.isAtRest())
        }
    }

    @Test("a refusal is passed on at once, though the client still has bytes to send and sends none")
    func promptRefusal() async throws {
        let world = try await TransferWorld()
        world.network.script { stream in
            try await stream.say(.uploadReady(size: UInt64(stream.task.size)))
            _ = try await stream.hear()
            try await stream.say(.error("disk full"))
        }
        let sent = Atomic(0)
        let body = RequestBody {
            if sent.add(1, ordering: .relaxed).oldValue > 0 { try await Task.sleep(for: .seconds(600)) }
            return [1]
        }
        let began = ContinuousClock.now
        let response = await world.upload(try world.mint(.upload), body, length: 1_000_000)
        #expect(began.duration(to: .now) < TransferWorld.promptly)
        #expect(try await TransferHTTP.text(response) == "disk full")
        #expect(await world.isAtRest())
    }

    @Test("when sending breaks, the reason that is still in the stream is passed on; without one it says so")
    func brokenSend() async throws {
        for reason in ["no space", nil] {
            let world = try await TransferWorld(capacity: 1)
            world.network.script { stream in
                try await stream.say(.uploadReady(size: UInt64(stream.task.size)))
                if let reason { try await stream.say(.error(reason)) }
                stream.breakOff("reset by peer")
            }
            let response = await world.upload(try world.mint(.upload), Self.file)
            #expect(response.head.status == .badGateway)
            #expect(try await TransferHTTP.text(response) == (reason ?? "stream relay failed: reset by peer"))
            #expect(await world.isAtRest())
        }
    }

    @Test("a digest that does not match is 502, whether the agent or the gateway finds it")
    func mismatch() async throws {
        let other = SHA256Digest.hex([9])
        let world = try await TransferWorld()
        world.network.script(TransferScripts.store(into: TransferBytes()))
        let relayed = await world.upload(try world.mint(.upload), Self.file, query: "?sha256=\(other)")
        #expect(relayed.head.status == .badGateway)
        #expect(try await TransferHTTP.text(relayed) == "sha256 mismatch")

        world.network.script { stream in
            try await stream.say(.uploadReady(size: UInt64(stream.task.size)))
            var count = 0
            while count < stream.task.size, let frame = try await stream.hear() { count += frame.count }
            try await stream.say(.done(size: UInt64(count), sha256: SHA256Digest.hash([9])))
        }
        let stored = await world.upload(try world.mint(.upload), Self.file)
        #expect(stored.head.status == .badGateway)
        #expect(try await TransferHTTP.text(stored).hasPrefix("sha256 mismatch"))
        #expect(await world.isAtRest())
    }

    @Test("a client that breaks off ends the agent's stream, and is no success")
    func clientLeaves() async throws {
        struct Gone: Error {}
        let world = try await TransferWorld()
        let stored = TransferBytes()
        world.network.script(TransferScripts.store(into: stored))
        let sent = Mutex(0)
        let body = RequestBody {
            if sent.withLock({ $0 }) == 3 { throw Gone() }
            sent.withLock { $0 += 1 }
            return [UInt8](repeating: 1, count: 100)
        }
        _ = await world.upload(try world.mint(.upload), body, length: 1000)
        await world.network.settled()
        #expect(await world.auditRows().map(\.outcome) == ["cancelled"])
        #expect(stored.bytes.count <= 300)
        #expect(await world.isAtRest())
    }

    @Test("the client is read only as fast as the agent takes: little waits in memory")
    func backPressure() async throws {
        let chunk = 64 * 1024
        let total = 200 * chunk
        let world = try await TransferWorld(capacity: 1)
        let read = Atomic(0)
        let taken = Atomic(0)
        let most = Atomic(0)
        world.network.script { stream in
            try await stream.say(.uploadReady(size: UInt64(stream.task.size)))
            while taken.load(ordering: .relaxed) < total, let frame = try await stream.hear() {
                taken.add(frame.count, ordering: .relaxed)
                try await Task.sleep(for: .milliseconds(2))
            }
            try await stream.say(.done(size: UInt64(total), sha256: [UInt8](repeating: 0, count: 32)))
        }
        let body = RequestBody {
            let before = read.load(ordering: .relaxed)
            guard before < total else { return nil }
            let now = read.add(chunk, ordering: .relaxed).newValue
            most.max(now - taken.load(ordering: .relaxed), ordering: .relaxed)
            return [UInt8](repeating: 3, count: chunk)
        }
        let response = await world.upload(try world.mint(.upload), body, length: total)
        #expect(response.head.status == .ok)
        // One chunk in hand, one in the stream, one with the agent.
        #expect(most.load(ordering: .relaxed) <= 4 * chunk)
        #expect(await world.isAtRest())
    }

    @Test("100 MiB pass byte for byte, in messages of at most 256 KiB")
    func largest() async throws {
        let size = 104_857_600
        let world = try await TransferWorld()
        let largest = Atomic(0)
        world.network.script { stream in
            try await stream.say(.uploadReady(size: UInt64(stream.task.size)))
            var hash = SHA256Stream()
            var count = 0
            while count < size, let frame = try await stream.hear() {
                count += frame.count
                hash.update(frame)
                largest.max(frame.count, ordering: .relaxed)
            }
            try await stream.say(.done(size: UInt64(count), sha256: hash.finish()))
        }
        let piece = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 11) }
        var hash = SHA256Stream()
        for _ in 0..<100 { hash.update(piece) }
        let digest = Hex.encode(hash.finish())
        let sent = Atomic(0)
        let body = RequestBody { sent.add(1, ordering: .relaxed).oldValue < 100 ? piece : nil }
        let response = await world.upload(try world.mint(.upload), body, length: size, query: "?sha256=\(digest)")
        #expect(response.head.status == .ok)
        #expect(try await TransferHTTP.text(response).contains(digest))
        #expect(largest.load(ordering: .relaxed) <= 256 * 1024)
        #expect(await world.isAtRest())
    }

    @Test("other methods are refused and leave the URL alone", arguments: [HTTPRequest.Method.get, .head, .put])
    func otherMethods(_ method: HTTPRequest.Method) async throws {
        let world = try await TransferWorld()
        let token = try world.mint(.upload)
        let response = await world.endpoint.handleUpload(
            TransferHTTP.request(method, "/mcp/upload/\(token)", ip: nil), token: token)
        #expect(response.head.status == .methodNotAllowed)
        #expect(response.head.headerFields[.allow] == "POST")
        #expect(world.urls.count == 1)
    }
}
