import TestSupport
import Testing
import Transport

@testable import HTTP

/// What handlers of streams see, and what holds either side back.
@Suite("Streams of HTTP/2", .serialized, .timeLimit(.minutes(5)))
struct HTTP2StreamTests {
    typealias Wire = HTTP2Wire

    /// Each of a request's frames and a reset, in one packet and cut at every byte.
    @Test("END_STREAM followed at once by RST_STREAM: what came before is delivered, the end is seen, then the reset")
    func endThenReset() async {
        await EventLoop.shared.run { loop in
            let bytes =
                Wire.preface + Wire.request(1, "/call", method: "POST", end: false) + Wire.data(1, Array("tail".utf8))
                + Wire.data(1, [], end: true) + Wire.reset(1)
            for cut in 0...bytes.count {
                let router = NotingRouter()
                let transport = MemoryTransport()
                let server = HTTP2Connection(
                    over: transport, HTTP2ServerConfiguration.patient(entry: echo, router: router), peer: nil,
                    isSecure: false,
                    on: loop)
                transport.attach(server)
                transport.receive(Array(bytes[..<cut]), on: loop)
                if cut % 2 == 0 { await loop.turn() }
                transport.receive(Array(bytes[cut...]), on: loop)
                await loop.turn()
                let handler = router.all(on: loop).first
                #expect(handler.map { String(decoding: $0.body, as: UTF8.self) } == "tail")
                #expect(handler?.events.suffix(3) == ["data", "end", "closed"])
                #expect(handler?.failure == .reset(.cancel))
                transport.close(on: loop)
            }
        }
    }

    @Test("HEADERS, DATA, END_STREAM and RST_STREAM in any order, cut anywhere, close each handler once")
    func anyOrder() async {
        await EventLoop.shared.run { loop in
            let data = Wire.data(1, [1, 2, 3])
            let pieces = [
                data, Wire.data(1, [], end: true), Wire.reset(1), Wire.window(1, 100), Wire.window(1, 0),
                Wire.headers(1, [("x-t", "1")], end: true),
            ]
            for first in pieces {
                for second in pieces {
                    for third in pieces {
                        let router = NotingRouter { stream, loop in
                            stream.respond(HTTPResponse(status: .ok), on: loop)
                            stream.write([1], on: loop)
                        }
                        let pair = HTTP2Pair(client: nil, router: router, on: loop, echo)
                        let bytes = Wire.request(1, "/call", method: "POST", end: false) + first + second + third
                        let cut = bytes.count / 2
                        pair.send(Array(bytes[..<cut]), on: loop)
                        await loop.turn()
                        pair.send(Array(bytes[cut...]), on: loop)
                        await loop.turn()
                        pair.close(on: loop)
                        #expect(router.all(on: loop).allSatisfy { $0.isClosed })
                    }
                }
            }
        }
    }

    @Test("what is written is sent, with trailers, and the handler hears of each step")
    func writing() async {
        await EventLoop.shared.run { loop in
            let router = NotingRouter()
            let pair = HTTP2Pair(router: router, on: loop, echo)
            defer { pair.close(on: loop) }
            let answer = pair.request("/call", method: .post, body: Array("abc".utf8), on: loop)
            await pair.exchange(on: loop)
            let handler = router.all(on: loop)[0]
            #expect(handler.body == Array("abc".utf8))
            #expect(handler.events.last == "end")
            handler.stream.respond(HTTPResponse(status: .ok), on: loop)
            handler.stream.write(Array("one".utf8), on: loop)
            await pair.exchange(on: loop)
            #expect(answer.text == "one")
            #expect(!answer.hasEnded)
            handler.stream.write(Array("two".utf8), on: loop)
            handler.stream.end(trailers: [HTTPField.Name("grpc-status")!: "0"], on: loop)
            await pair.exchange(on: loop)
            #expect(answer.text == "onetwo")
            #expect(answer.trailers?[HTTPField.Name("grpc-status")!] == "0")
            #expect(answer.isClosed)
            #expect(answer.failure == nil)
            #expect(handler.isClosed)
            #expect(handler.failure == nil)
            #expect(handler.stream.isClosed)
            // Nothing more is possible, and nothing happens.
            handler.stream.write([1], on: loop)
            handler.stream.reset(.cancel, on: loop)
            handler.stream.respond(HTTPResponse(status: .ok), on: loop)
            await pair.exchange(on: loop)
            #expect(pair.goneAway == nil)
        }
    }

    @Test("an answer that is nothing but fields, as gRPC refuses calls; the rest of the request is dropped, then reset")
    func refusal() async {
        await withOwnLoop { loop in
            let router = NotingRouter { stream, loop in
                let head = HTTPResponse(status: .ok, headerFields: [HTTPField.Name("grpc-status")!: "12"])
                stream.respond(head, endStream: true, on: loop)
            }
            var configuration = HTTP2ServerConfiguration.patient(entry: echo, router: router)
            configuration.limits.lingering = 250
            configuration.limits.lingeringBytes = 1 << 20
            let pair = HTTP2Pair(configuration, client: nil, on: loop)
            defer { pair.close(on: loop) }
            pair.send(Wire.request(1, "/call", method: "POST", end: false), on: loop)
            pair.send(Wire.request(3, "/call", method: "POST", end: false), on: loop)
            var frames = await pair.frames(on: loop)
            #expect(frames.filter { $0.is(.headers) && $0.endsStream }.map(\.stream) == [1, 3])
            #expect(!frames.contains { $0.is(.reset) }, "a client that is told to stop at once loses the answer")
            #expect(router.all(on: loop).allSatisfy { $0.isClosed && $0.failure == nil })
            // Too much of it is not waited for.
            for _ in 0..<80 {
                pair.send(Wire.data(3, Array(repeating: 0, count: 16 << 10)), on: loop)
                frames += await pair.frames(on: loop)
            }
            #expect(frames.contains { $0.is(.reset) && $0.stream == 3 && $0.code == .noError })
            // Nor anything for long.
            let end = loop.now + 3000
            while !frames.contains(where: { $0.is(.reset) && $0.stream == 1 }), loop.now < end {
                try? await loop.sleep(milliseconds: 5)
                frames += await pair.frames(on: loop)
            }
            #expect(frames.contains { $0.is(.reset) && $0.stream == 1 && $0.code == .noError })
            #expect(!pair.isServerGone)
            #expect(pair.server.link.session.streams.isEmpty)
        }
    }

    @Test("bytes that are not consumed hold the client back, until they are")
    func holdingBack() async {
        await EventLoop.shared.run { loop in
            let router = NotingRouter()
            let pair = HTTP2Pair(router: router, on: loop, echo)
            defer { pair.close(on: loop) }
            let body = [UInt8](repeating: 7, count: 1 << 20)
            let answer = pair.request("/call", method: .post, body: body, on: loop)
            await pair.exchange(on: loop)
            let handler = router.all(on: loop)[0]
            #expect(handler.body.count == 64 << 10, "the window of a stream that nobody wants more of")
            #expect(answer.stream?.waiting == body.count - handler.body.count)
            var consumed = 0
            while handler.events.last != "end", consumed < body.count {
                handler.stream.consume(handler.body.count - consumed, on: loop)
                consumed = handler.body.count
                await pair.exchange(on: loop)
            }
            #expect(handler.body == body)
        }
    }

    @Test("with an agent's secret windows grow: 1 MiB on a stream, and one that nobody reads stops no other")
    func grownWindows() async {
        await EventLoop.shared.run { loop in
            let router = NotingRouter { stream, loop in stream.connectionIsTrusted(as: .agent(1), on: loop) }
            let pair = HTTP2Pair(router: router, on: loop, echo)
            defer { pair.close(on: loop) }
            let body = [UInt8](repeating: 7, count: 2 << 20)
            let calls = (0..<20).map { _ in pair.request("/call", method: .post, body: body, on: loop) }
            await pair.exchange(on: loop)
            // Twenty stalled downloads hold their own windows only.
            #expect(router.all(on: loop).allSatisfy { $0.body.count == 1 << 20 })
            let other = pair.request("/web", method: .post, body: body, on: loop)
            #expect(await pair.exchange(on: loop) { other.isClosed })
            #expect(other.body == body)
            #expect(!calls.contains { $0.isClosed })
        }
    }

    @Test("Data of a closed stream is consumed: 10,000 cancelled uploads, then a whole one, on one connection")
    func cancelledUploads() async {
        await EventLoop.shared.run { loop in
            // What cancels: a client whose calls have been ended by the server (these are not counted as an attack).
            let router = NotingRouter { stream, loop in
                stream.connectionIsTrusted(as: .agent(1), on: loop)
                stream.respond(HTTPResponse(status: .ok), endStream: true, on: loop)
            }
            let pair = HTTP2Pair(router: router, on: loop, echo)
            defer { pair.close(on: loop) }
            let piece = [UInt8](repeating: 1, count: 8 << 10)
            for _ in 0..<100 {
                let calls = (0..<100).map { _ in
                    pair.request("/call", method: .post, body: piece, end: false, on: loop)
                }
                await pair.exchange(on: loop)
                for call in calls { call.stream?.reset(.cancel, on: loop) }
                await pair.exchange(on: loop)
            }
            #expect(pair.goneAway == nil)
            #expect(!pair.isServerGone)
            #expect(pair.server.link.session.streams.isEmpty)
            let body = [UInt8](repeating: 2, count: 4 << 20)
            let whole = pair.request("/web", method: .post, body: body, on: loop)
            #expect(await pair.exchange(on: loop) { whole.isClosed })
            #expect(whole.body == body)
        }
    }

    @Test("uploads that the client cancels under the server give the connection's window back")
    func cancelledUnderWork() async {
        await EventLoop.shared.run { loop in
            let router = NotingRouter()
            let pair = HTTP2Pair(router: router, on: loop, echo)
            defer { pair.close(on: loop) }
            for _ in 0..<100 {
                let call = pair.request(
                    "/call", method: .post, body: Array(repeating: 1, count: 60 << 10), end: false, on: loop)
                await pair.exchange(on: loop)
                call.stream?.reset(.cancel, on: loop)
                await pair.exchange(on: loop)
            }
            #expect(router.all(on: loop).allSatisfy { $0.isClosed && $0.body.count == 60 << 10 })
            let whole = pair.request("/web", method: .post, body: Array(repeating: 2, count: 1 << 20), on: loop)
            #expect(await pair.exchange(on: loop) { whole.isClosed })
            #expect(whole.body.count == 1 << 20)
        }
    }

    @Test("a client whose window stays shut keeps a bounded share; others on the same connection go on")
    func shutWindow() async {
        await EventLoop.shared.run { loop in
            let written = Lock(0)
            let ended = Lock(0)
            var settings = HTTP2Settings.client
            settings.streamWindow = 64 << 10
            let pair = HTTP2Pair(client: settings, on: loop) { request in
                guard request.head.path == "/large" else { return .text(.ok, "small") }
                return OutboundResponse(
                    head: HTTPResponse(status: .ok),
                    body: .stream(length: nil) { write in
                        defer { ended.withLock { $0 += 1 } }
                        for _ in 0..<1024 {
                            try await write([UInt8](repeating: 7, count: 16 << 10))
                            written.withLock { $0 += 16 << 10 }
                        }
                    })
            }
            let stalled = (0..<100).map { _ in pair.request("/large", on: loop) }
            for answer in stalled { answer.consumes = false }
            await pair.exchange(on: loop)
            // What the client's windows did not take.
            let kept = written.withLock { $0 } - stalled.reduce(0) { $0 + $1.body.count }
            #expect(kept <= (4 << 20) + 100 * 48 << 10, "\(kept >> 10) KiB wait")
            #expect(ended.withLock { $0 } == 0)
            stalled[0].consumes = true
            stalled[0].stream?.consume(stalled[0].body.count, on: loop)
            #expect(await pair.exchange(on: loop) { stalled[0].isClosed })
            #expect(stalled[0].body.count == 16 << 20)
            pair.close(on: loop)
            while ended.withLock({ $0 }) < 100 { await loop.turn() }
        }
    }

    @Test("answers that wait for a shut window keep further requests from being carried out; they are in time")
    func crowded() async {
        await EventLoop.shared.run { loop in
            let asked = Lock(0)
            let pair = HTTP2Pair(
                client: {
                    var settings = HTTP2Settings.client
                    settings.streamWindow = 0
                    return settings
                }(), on: loop
            ) { _ in
                asked.withLock { $0 += 1 }
                return OutboundResponse(
                    head: HTTPResponse(status: .ok), body: .bytes([UInt8](repeating: 7, count: 1 << 20)))
            }
            defer { pair.close(on: loop) }
            var answers: [Answer] = []
            for _ in 0..<50 {
                answers.append(pair.request(on: loop))
                await pair.exchange(on: loop)
            }
            #expect(asked.withLock { $0 } <= 6, "4 MiB wait, and no more are made")
            for answer in answers { answer.stream?.growWindow(on: loop) }
            #expect(await pair.exchange(on: loop) { answers.allSatisfy { $0.isClosed } })
            #expect(answers.allSatisfy { $0.body.count == 1 << 20 })
            #expect(asked.withLock { $0 } == 50)
        }
    }

    @Test("a stranger's connection has four requests at work; once a credential was believed, as many as others")
    func strangersAtWork() async {
        await EventLoop.shared.run { loop in
            let asked = Lock(0)
            let isOver = Lock(false)
            let configuration = HTTP2ServerConfiguration(entry: { request in
                if request.head.headerFields[.authorization] == "known" { request.isOf(user: 7) }
                asked.withLock { $0 += 1 }
                while !isOver.withLock({ $0 }), !Task.isCancelled { await EventLoop.shared.turn() }
                return .empty(.ok)
            })
            for (fields, most): (HTTPFields, Int) in [([.authorization: "unknown"], 4), ([.authorization: "known"], 9)]
            {
                asked.withLock { $0 = 0 }
                isOver.withLock { $0 = false }
                let pair = HTTP2Pair(configuration, on: loop)
                let answers = (0..<9).map { _ in pair.request("/", fields, on: loop) }
                #expect(await pair.exchange(on: loop) { asked.withLock { $0 } == most })
                try? await loop.sleep(milliseconds: 50)
                await pair.exchange(on: loop)
                #expect(asked.withLock { $0 } == most)
                isOver.withLock { $0 = true }
                #expect(await pair.exchange(on: loop) { answers.allSatisfy { $0.head?.status == .ok } })
                pair.close(on: loop)
            }
        }
    }

    @Test("of a stranger who reads nothing little waits; who reads gets all", arguments: [true, false])
    func strangersAnswers(isStreamed: Bool) async {
        await EventLoop.shared.run { loop in
            let asked = Lock(0)
            let piece = [UInt8](repeating: 7, count: 32 << 10)
            let configuration = HTTP2ServerConfiguration(entry: { _ in
                asked.withLock { $0 += 1 }
                guard isStreamed else {
                    return OutboundResponse(head: HTTPResponse(status: .ok), body: .bytes(piece))
                }
                return OutboundResponse(
                    head: HTTPResponse(status: .ok),
                    body: .stream(length: 10 * 32 << 10) { write in for _ in 0..<10 { try await write(piece) } })
            })
            var client = HTTP2Settings.client
            client.streamWindow = 0
            let pair = HTTP2Pair(configuration, client: client, on: loop)
            defer { pair.close(on: loop) }
            let answers = (0..<50).map { _ in pair.request(on: loop) }
            await pair.exchange(on: loop)
            // 64 KiB and what the four that are at work then have to say.
            #expect(asked.withLock { $0 } <= 6)
            #expect(pair.server.link.session.waiting <= 6 * piece.count)
            for answer in answers { answer.stream?.growWindow(on: loop) }
            #expect(await pair.exchange(on: loop) { answers.allSatisfy { $0.isClosed } })
            #expect(answers.allSatisfy { $0.body.count == (isStreamed ? 10 : 1) * piece.count })
        }
    }

    @Test("a request that is reset has its task cancelled; so has one whose connection ends", arguments: [true, false])
    func cancellation(isReset: Bool) async {
        await EventLoop.shared.run { loop in
            let state = Lock("")
            let pair = HTTP2Pair(on: loop) { _ in
                state.withLock { $0 = "runs" }
                do { try await EventLoop.shared.sleep(milliseconds: 60_000) } catch {
                    state.withLock { $0 = "cancelled" }
                }
                return .empty(.ok)
            }
            let answer = pair.request(on: loop)
            #expect(await pair.exchange(on: loop) { state.withLock { $0 } == "runs" })
            if isReset { answer.stream?.reset(.cancel, on: loop) } else { pair.close(on: loop) }
            #expect(await pair.exchange(on: loop) { state.withLock { $0 } == "cancelled" })
            #expect(await pair.exchange(on: loop) { pair.server.workingForTests == 0 })
            pair.close(on: loop)
        }
    }

    @Test("a producer that waits for a client that went away is told, and so is a reader", arguments: [true, false])
    func waitingProducer(isReset: Bool) async {
        await EventLoop.shared.run { loop in
            let ends = Lock<[String]>([])
            let pair = HTTP2Pair(on: loop) { request in
                if request.head.path == "/read" {
                    do { _ = try await request.body.next() } catch { ends.withLock { $0.append("reader") } }
                    return .empty(.ok)
                }
                return OutboundResponse(
                    head: HTTPResponse(status: .ok),
                    body: .stream(length: nil) { write in
                        do {
                            while true { try await write([UInt8](repeating: 7, count: 64 << 10)) }
                        } catch { ends.withLock { $0.append("writer") } }
                    })
            }
            let answers = [
                pair.request("/read", method: .post, end: false, on: loop), pair.request("/write", on: loop),
            ]
            answers[1].consumes = false
            await pair.exchange(on: loop)
            #expect(ends.withLock { $0 }.isEmpty)
            if isReset {
                for answer in answers { answer.stream?.reset(.cancel, on: loop) }
            } else {
                pair.close(on: loop)
            }
            #expect(await pair.exchange(on: loop) { ends.withLock { $0 }.sorted() == ["reader", "writer"] })
            pair.close(on: loop)
        }
    }

    @Test("an answer before the body was read: it arrives, though the client sends on", arguments: [1 << 20, 8 << 20])
    func earlyAnswer(size: Int) async {
        await EventLoop.shared.run { loop in
            let pair = HTTP2Pair(on: loop) { _ in .text(.contentTooLarge, "too much") }
            defer { pair.close(on: loop) }
            let answer = pair.request(method: .post, body: [UInt8](repeating: 7, count: size), on: loop)
            #expect(await pair.exchange(on: loop) { answer.isClosed })
            #expect(answer.head?.status == .contentTooLarge)
            #expect(answer.text == "too much")
            #expect(answer.failure == nil)
            let next = pair.request(on: loop)
            await pair.exchange(on: loop)
            #expect(next.head?.status == .contentTooLarge)
        }
    }
}

@Suite("Bytes that wait on a stream")
struct HTTP2OutboxTests {
    @Test("come out as they went in, in any pieces")
    func order() {
        var random = SystemRandomNumberGenerator()
        var (outbox, input, output) = (HTTP2Outbox(), [UInt8](), HTTP2Output())
        for _ in 0..<2000 {
            let piece = (0..<Int.random(in: 0...(Bool.random() ? 10 : 6000), using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            outbox.append(piece)
            input += piece
            outbox.move(Int.random(in: 0...outbox.count, using: &random), to: &output)
            if output.count + outbox.count != input.count { Issue.record("bytes lost") }
        }
        outbox.move(outbox.count, to: &output)
        #expect(outbox.isEmpty)
        #expect(output.bytes == input)
    }
}
