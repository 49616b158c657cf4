import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("Connections of HTTP/1.1 in memory", .timeLimit(.minutes(5)))
struct HTTP1ConnectionTests {
    private static let chunkedHead = "POST /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

    private static func head(length: Int, _ more: String = "") -> String {
        "POST /b HTTP/1.1\r\nHost: h\r\n\(more)Content-Length: \(length)\r\n\r\n"
    }

    // MARK: Holding back

    @Test("a body that nobody reads holds its client back at the limit, and one that is read lets it go on")
    func unreadBody() async {
        await onOwnLoop { loop in
            let (wanted, want) = AsyncStream<Void>.makeStream()
            let peer = HTTP1Peer(limits: .changed { $0.unreadBody = 1000 }, on: loop) { request in
                for await _ in wanted { break }
                let body = try? await request.body.collect(upTo: 1 << 20)
                return .text(.ok, "\(body?.count ?? -1)|")
            }
            await peer.send(Self.head(length: 2500) + String(repeating: "x", count: 999), on: loop)
            #expect(!peer.transport.isPaused)
            await peer.send("x", on: loop)
            #expect(peer.transport.isPaused)
            want.yield()
            await peer.settle(on: loop)
            #expect(!peer.transport.isPaused)
            await peer.send(String(repeating: "x", count: 1500), on: loop)
            #expect(peer.text.hasSuffix("2500|"))
            peer.transport.close(on: loop)
        }
    }

    @Test("bytes behind a request that is being answered are held back at the limit")
    func pipelined() async {
        await onOwnLoop { loop in
            let (released, release) = AsyncStream<Void>.makeStream()
            let peer = HTTP1Peer(limits: .changed { $0.pipelined = 500 }, on: loop) { request in
                if request.path == "/first" { for await _ in released { break } }
                return .text(.ok, "\(request.path)|")
            }
            await peer.send(get("/first"), on: loop)
            let next = get("/next")
            await peer.send(String(repeating: next, count: 500 / next.utf8.count), on: loop)
            #expect(!peer.transport.isPaused)
            #expect(peer.heard.isEmpty)
            await peer.send(next, on: loop)
            #expect(peer.transport.isPaused)
            release.yield()
            for _ in 0..<20 { await peer.settle(on: loop) }
            #expect(!peer.transport.isPaused)
            #expect(peer.text.split(separator: "/next|").count - 1 == 500 / next.utf8.count)
            peer.transport.close(on: loop)
        }
    }

    @Test("over the budget of all connections a body without a credential comes only when it is asked for")
    func budget() async {
        await onOwnLoop { loop in
            let (wanted, want) = AsyncStream<Void>.makeStream()
            let entry: HTTPEntry = { request in
                if request.head.headerFields.contains(.authorization) { request.isOf(user: 7) }
                for await _ in wanted { break }
                return .text(.ok, "\((try? await request.body.collect(upTo: 1 << 20))?.count ?? -1)|")
            }
            let service = HTTPService(limits: .changed { $0.unreadBodies = 100 }, entry: entry)
            let first = HTTP1Peer(service: service, on: loop)
            await first.send(Self.head(length: 101) + String(repeating: "x", count: 100), on: loop)
            let second = HTTP1Peer(service: service, on: loop)
            await second.send(Self.head(length: 101) + "x", on: loop)
            #expect(!first.transport.isPaused)
            #expect(second.transport.isPaused)
            let third = HTTP1Peer(service: service, on: loop)
            await third.send(Self.head(length: 2, "Authorization: Bearer x\r\n") + "x", on: loop)
            #expect(!third.transport.isPaused)
            #expect(service.unread.count == 101)
            for peer in [first, second, third] {
                want.yield()
                await peer.settle(on: loop)
            }
            for peer in [first, second, third] { await peer.settle(on: loop) }
            // They are gathered now.
            #expect(service.unread.count == 101)
            #expect(!second.transport.isPaused)
            for peer in [first, second, third] { peer.transport.close(on: loop) }
            #expect(await eventually { service.unread.count == 0 })
        }
    }

    @Test("over the budget a body without a credential that is gathered, and not short, ends its connection")
    func gathered() async {
        await onOwnLoop { loop in
            let limits = ListenerLimits.changed {
                $0.unreadBodies = 100
                $0.shortBody = 60
            }
            let service = HTTPService(limits: limits) { request in
                if request.head.headerFields.contains(.authorization) { request.isOf(user: 7) }
                return await mirror(request)
            }
            func peer(_ sent: Int, _ fields: String = "", on loop: isolated EventLoop) async -> HTTP1Peer {
                let peer = HTTP1Peer(service: service, on: loop)
                await peer.send(Self.head(length: 200, fields) + String(repeating: "x", count: sent), on: loop)
                return peer
            }
            let first = await peer(100, on: loop)
            #expect(!first.transport.isClosed)
            #expect(service.unread.count == 100)
            // Short ones come in, and those with a credential are not counted.
            let short = await peer(59, on: loop)
            await short.send("x", on: loop)
            let known = await peer(150, "Authorization: Bearer x\r\n", on: loop)
            #expect(!short.transport.isClosed)
            #expect(!known.transport.isClosed)
            #expect(service.unread.count == 160)
            await short.send("x", on: loop)
            #expect(!short.transport.isClosed)
            await short.send("x", on: loop)
            #expect(short.transport.isClosed)
            #expect(!first.transport.isClosed)
            #expect(await eventually { service.unread.count == 100 })
            await known.send(String(repeating: "x", count: 50), on: loop)
            #expect(known.text.hasPrefix("HTTP/1.1 200"))
            await first.send("x", on: loop)
            #expect(first.transport.isClosed)
            #expect(await eventually { service.unread.count == 0 })
            for peer in [first, short, known] { peer.transport.close(on: loop) }
        }
    }

    @Test("an unread body is no longer counted once its client has gone")
    func budgetComesBack() async {
        await onOwnLoop { loop in
            let service = HTTPService { _ in
                try? await Task.sleep(for: .seconds(3600))
                return .empty(.ok)
            }
            let peer = HTTP1Peer(service: service, on: loop)
            await peer.send(Self.head(length: 101) + "xxx", on: loop)
            #expect(service.unread.count == 3)
            peer.transport.close(on: loop)
            #expect(await eventually { service.unread.count == 0 || peer.connection.exchange == nil })
        }
    }

    @Test("a writer waits while the client takes nothing, and learns that it has gone")
    func slowClient() async {
        await onOwnLoop { loop in
            let written = Lock(0)
            let failures = Lock(0)
            let peer = HTTP1Peer(on: loop) { _ in
                OutboundResponse(
                    head: HTTPResponse(status: .ok),
                    body: .stream(length: nil) { write in
                        do {
                            while true {
                                try await write(Array("piece".utf8))
                                written.withLock { $0 += 1 }
                            }
                        } catch {
                            failures.withLock { $0 += 1 }
                            throw error
                        }
                    })
            }
            peer.transport.isOpen = false
            await peer.send(get("/"), on: loop)
            #expect(written.withLock { $0 } == 0)
            #expect(peer.text.hasSuffix("\r\n\r\n5\r\npiece\r\n"))
            peer.transport.close(on: loop)
            await peer.settle(on: loop)
            #expect(failures.withLock { $0 } == 1)
        }
    }

    // MARK: Deadlines

    @Test("half a head ends in time, with 408, however it drips; what was said before does not matter")
    func halfHead() async {
        await onOwnLoop { loop in
            for before in ["", get("/")] {
                let patient = HTTP1Peer(on: loop)
                let peer = HTTP1Peer(limits: .changed { $0.head = .milliseconds(100) }, on: loop)
                for peer in [patient, peer] { await peer.send(before + "GET / HTTP/1.1\r\nX: ", on: loop) }
                let isOver = await eventually {
                    for peer in [patient, peer] where !peer.isOver { await peer.send("x", on: loop) }
                    return peer.isOver
                }
                await peer.settle(on: loop)
                #expect(isOver)
                #expect(peer.text.contains("HTTP/1.1 408 "))
                #expect(!patient.isOver)
                for peer in [patient, peer] { peer.transport.close(on: loop) }
            }
        }
    }

    @Test("half a body or chunk that comes too slowly ends in time, one that came faster does not")
    func slowBody() async {
        let limits = ListenerLimits.changed {
            $0.bodyGrace = .milliseconds(50)
            $0.minimumBodyRate = 10
        }
        await onOwnLoop { loop in
            for head in [Self.head(length: 1000), Self.chunkedHead + "3E8\r\n"] {
                let slow = HTTP1Peer(limits: limits, on: loop)
                let steady = HTTP1Peer(limits: limits, on: loop)
                await steady.send(head + String(repeating: "x", count: 900), on: loop)
                await slow.send(head, on: loop)
                var sent = 0
                let isClosed = await eventually {
                    try? await loop.sleep(milliseconds: 150)
                    if !slow.transport.isClosed { await slow.send("x", on: loop) }
                    sent += 1
                    return slow.transport.isClosed
                }
                #expect(isClosed)
                #expect(sent < 900)
                #expect(!steady.transport.isClosed)
                steady.transport.close(on: loop)
            }
        }
    }

    @Test("a connection on which nothing comes is closed, but not while a whole request is being answered")
    func idle() async throws {
        try await onOwnLoop { loop in
            let (released, release) = AsyncStream<Void>.makeStream()
            let peer = HTTP1Peer(limits: .changed { $0.idle = .seconds(3) }, on: loop) { _ in
                for await _ in released { break }
                return .text(.ok, "late")
            }
            await peer.send(get("/"), on: loop)
            try await loop.sleep(milliseconds: 3300)
            #expect(!peer.isOver)
            release.yield()
            let isAnswered = await eventually {
                await peer.settle(on: loop)
                return peer.text.hasSuffix("late")
            }
            try await loop.sleep(milliseconds: 50)
            // The next request has its time from here on.
            #expect(isAnswered)
            #expect(!peer.isOver)
            #expect(await eventually { peer.transport.isClosed })
        }
    }

    @Test(
        "after a last answer the client may send on for a while, up to a limit; nothing of it is run",
        arguments: ["bytes", "time", "end"])
    func lingering(ending: String) async {
        await onOwnLoop { loop in
            let calls = Lock(0)
            let limits = ListenerLimits.changed {
                $0.maxSkippedBody = 1000
                if ending == "time" { $0.lingering = .milliseconds(50) }
            }
            let peer = HTTP1Peer(limits: limits, on: loop) { _ in
                calls.withLock { $0 += 1 }
                return .text(.contentTooLarge, "no")
            }
            await peer.send(Self.head(length: 100_000) + get("/next"), on: loop)
            #expect(peer.text.hasPrefix("HTTP/1.1 413 Payload Too Large\r\n"))
            #expect(peer.text.contains("Connection: close\r\n"))
            #expect(peer.transport.hasFinishedSending)
            #expect((!peer.transport.isClosed || ending == "time"))
            switch ending {
            case "bytes":
                await peer.send(String(repeating: "x", count: 1000), on: loop)
                #expect(!peer.transport.isClosed)
                await peer.send("x", on: loop)
            case "time": #expect(await eventually { peer.transport.isClosed })
            default: peer.transport.receiveEnd(on: loop)
            }
            #expect(peer.transport.isClosed)
            #expect(calls.withLock { $0 } == 1)
        }
    }

    // MARK: Addresses

    @Test("a connection counts for its address until a credential is believed, and as long as it is there")
    func places() async throws {
        try await onOwnLoop { loop in
            let service = HTTPService(limits: .changed { $0.connectionsOfUser = 1 }) { request in
                if request.head.headerFields[.authorization] == "known" { request.isOf(user: 7) }
                return .text(.ok, "\((try? await request.body.collect(upTo: 100))?.count ?? -1)|")
            }
            let address = try #require(SocketAddress("192.0.2.1", port: 1))
            let halfHead = HTTP1Peer(service: service, on: loop)
            let halfBody = HTTP1Peer(service: service, on: loop)
            let known = HTTP1Peer(service: service, on: loop)
            let other = HTTP1Peer(service: service, on: loop)
            await halfHead.send("GET / HT", on: loop)
            await halfBody.send(Self.head(length: 2, "Cookie: a=b\r\n"), on: loop)
            #expect(service.book.count(of: address) == 4)
            // Believed before the body has come.
            await known.send(Self.head(length: 2, "Authorization: known\r\n"), on: loop)
            #expect(service.book.count(of: .user(7)) == 1)
            await known.send("xx", on: loop)
            await other.send(get("/", "Authorization: known"), on: loop)
            await halfBody.send("xx", on: loop)
            #expect([known.text, other.text, halfBody.text].map { $0.suffix(2) } == ["2|", "0|", "2|"])
            // The user's second stays the address's, like those that were answered.
            #expect(service.book.count(of: address) == 3)
            #expect(service.book.count(of: .user(7)) == 1)
            for peer in [halfHead, halfBody, known, other] { peer.transport.close(on: loop) }
            #expect(service.book.count(of: address) == 0)
            #expect(service.book.count(of: .user(7)) == 0)
        }
    }

    @Test("what is gathered of a body counts for strangers, whatever they show, until its user is known")
    func gatheredByStrangers() async throws {
        await onOwnLoop { loop in
            let limits = ListenerLimits.changed {
                $0.unreadBodies = 1000
                $0.shortBody = 600
            }
            let service = HTTPService(limits: limits) { request in
                if request.head.headerFields[.authorization] == "known" { request.isOf(user: 7) }
                return .text(.ok, "\((try? await request.body.collect(upTo: 5000))?.count ?? -1)|")
            }
            let stranger = HTTP1Peer(service: service, on: loop)
            await stranger.send(Self.head(length: 2000, "Cookie: a=b\r\n"), on: loop)
            await stranger.send(String(repeating: "x", count: 1001), on: loop)
            #expect(service.unread.count == 1001)
            let known = HTTP1Peer(service: service, on: loop)
            await known.send(Self.head(length: 5000, "Authorization: known\r\n"), on: loop)
            for _ in 0..<5 { await known.send(String(repeating: "x", count: 1000), on: loop) }
            #expect(known.text.hasSuffix("5000|"))
            #expect(service.unread.count == 1001)
            let second = HTTP1Peer(service: service, on: loop)
            await second.send(Self.head(length: 2000, "Authorization: unknown\r\n"), on: loop)
            await second.send(String(repeating: "x", count: 601), on: loop)
            await second.send("x", on: loop)
            #expect(second.transport.isClosed)
            for peer in [stranger, known] { peer.transport.close(on: loop) }
            for _ in 0..<4 { await loop.turn() }
            #expect(service.unread.count == 0)
        }
    }

    @Test("a client that takes nothing of an answer is given up by the transport after the idle time")
    func unreadAnswer() async throws {
        await onOwnLoop { loop in
            let peer = HTTP1Peer(limits: .changed { $0.idle = .seconds(7) }, on: loop)
            #expect(peer.transport.unacknowledgedLimit == 7000)
            peer.transport.close(on: loop)
        }
    }

    // MARK: Stopping

    @Test("stopping closes an idle connection, finishes a request and says so, and reads no more")
    func stop() async throws {
        await onOwnLoop { loop in
            let (released, release) = AsyncStream<Void>.makeStream()
            let calls = Lock(0)
            let entry: HTTPEntry = { _ in
                calls.withLock { $0 += 1 }
                for await _ in released { break }
                return .text(.ok, "done")
            }
            let idle = HTTP1Peer(on: loop)
            idle.connection.stop(on: loop)
            #expect(idle.transport.isClosed)
            let busy = HTTP1Peer(on: loop, entry: entry)
            await busy.send(get("/1") + get("/2"), on: loop)
            busy.connection.stop(on: loop)
            #expect(!busy.isOver)
            release.yield()
            await busy.settle(on: loop)
            #expect(busy.text.contains("Connection: close\r\n"))
            #expect(busy.text.hasSuffix("done"))
            #expect(busy.transport.isClosed)
            #expect(calls.withLock { $0 } == 1)
        }
    }

    @Test("a connection is over when its transport is closed and its work has ended")
    func over() async throws {
        await onOwnLoop { loop in
            let (released, release) = AsyncStream<Void>.makeStream()
            let entry: HTTPEntry = { _ in
                for await _ in released { break }
                return .empty(.ok)
            }
            let overs = Lock(0)
            let transport = MemoryTransport()
            let connection = HTTP1Connection(
                HTTPService(entry: entry), ConnectionInfo(), over: transport, on: loop
            ) { overs.withLock { $0 += 1 } }
            transport.attach(connection)
            transport.receive(get("/"), on: loop)
            await loop.turn()
            transport.close(on: loop)
            #expect(overs.withLock { $0 } == 0)
            release.yield()
            await loop.turn()
            #expect(await eventually { overs.withLock { $0 } == 1 })
        }
    }

    // MARK: Answers

    @Test("100 Continue comes when the body is asked for, not before, not twice, and never after the body has begun")
    func expectContinue() async {
        await onOwnLoop { loop in
            let (wanted, want) = AsyncStream<Void>.makeStream()
            let entry: HTTPEntry = { request in
                if request.head.headerFields.contains(.authorization) { request.isOf(user: 7) }
                for await _ in wanted { break }
                return await mirror(request)
            }
            let head = Self.head(length: 2, "Expect: 100-Continue\r\n")
            let peer = HTTP1Peer(on: loop, entry: entry)
            await peer.send(head, on: loop)
            #expect(peer.heard.isEmpty)
            want.yield()
            await peer.settle(on: loop)
            #expect(peer.text == "HTTP/1.1 100 Continue\r\n\r\n")
            await peer.send("o", on: loop)
            await peer.send("k", on: loop)
            #expect(peer.text.split(separator: "HTTP/1.1 ").count == 2)
            #expect(peer.text.hasSuffix("ok|"))
            let eager = HTTP1Peer(on: loop, entry: entry)
            await eager.send(head + "ok", on: loop)
            want.yield()
            await eager.settle(on: loop)
            #expect(eager.text.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(!eager.isOver)
            for peer in [peer, eager] { peer.transport.close(on: loop) }
        }
    }

    @Test("half a request behind another one, and then the end, is answered at once", arguments: [false, true])
    func halfBehind(isChunked: Bool) async {
        await onOwnLoop { loop in
            let (wanted, want) = AsyncStream<Void>.makeStream()
            let peer = HTTP1Peer(on: loop) { request in
                for await _ in wanted { break }
                guard let body = try? await request.body.collect(upTo: 100) else {
                    return .text(.badRequest, "broken|")
                }
                return .text(.ok, "\(body.count)|")
            }
            let half =
                isChunked ? "Transfer-Encoding: chunked\r\n\r\n5\r\nab" : "Content-Length: 100\r\n\r\n{"
            await peer.send(Self.head(length: 2) + "okPOST / HTTP/1.1\r\nHost: h\r\n" + half, on: loop)
            peer.transport.receiveEnd(on: loop)
            for _ in 0..<2 {
                want.yield()
                await peer.settle(on: loop)
            }
            #expect(peer.text.contains("\r\n\r\n2|HTTP/1.1 400 "))
            #expect(peer.text.hasSuffix("broken|"))
            #expect(peer.isOver)
        }
    }

    @Test("an upgrade that is refused names itself in Connection, and one whose client has ended is answered")
    func refusedUpgrade() async {
        let wanted = "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        let (text, isOver) = await HTTP1Peer.answers(to: Array((wanted + "\r\n").utf8)) { _ in
            OutboundResponse(
                head: HTTPResponse(status: 426, headerFields: [.upgrade: "websocket", .connection: "Upgrade"]),
                body: .none)
        }
        #expect(text.contains("\r\nUpgrade: websocket\r\n"))
        #expect(text.contains("\r\nConnection: close, Upgrade\r\n"))
        #expect(isOver)
        await onOwnLoop { loop in
            let peer = HTTP1Peer(on: loop, entry: webSocketEntry { _ in .normal })
            peer.transport.receive(
                Array(
                    (wanted + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n")
                        .utf8), on: loop)
            peer.transport.receiveEnd(on: loop)
            await peer.settle(on: loop)
            #expect(peer.text.hasPrefix("HTTP/1.1 400 "))
            #expect(peer.isOver)
        }
    }

    @Test("an answer frames itself, whatever its fields say")
    func framing() async throws {
        let fields: HTTPFields = [
            .contentLength: "7", .transferEncoding: "gzip", .date: "never", .location: "x\r\nSet-Cookie: a=b",
        ]
        let cases: [(status: HTTPResponse.Status, body: ResponseBody, end: String)] = [
            (.ok, .bytes([0x61]), "Content-Length: 1\r\n\r\na"), (.ok, .none, "Content-Length: 0\r\n\r\n"),
            (
                .ok, .stream(length: nil) { try await $0([0x61]) },
                "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n"
            ),
            (.ok, .stream(length: 1) { try await $0([0x61]) }, "Content-Length: 1\r\n\r\na"),
            (299, .none, "Content-Length: 0\r\n\r\n"),
        ]
        for (status, body, end) in cases {
            let (text, isOver) = await HTTP1Peer.answers(to: Array(get("/").utf8)) { _ in
                OutboundResponse(head: HTTPResponse(status: status, headerFields: fields), body: body)
            }
            #expect(text.hasPrefix("HTTP/1.1 \(status.code) "), "\(text)")
            #expect(text.hasSuffix(end), "\(text)")
            #expect(text.contains("\r\nLocation: x  Set-Cookie: a=b\r\n"))
            #expect(!text.contains("gzip"))
            #expect(!text.contains("never"))
            #expect(!text.contains(": 7\r\n"))
            #expect(!isOver)
        }
    }

    @Test("answers without a body have none", arguments: [204, 304])
    func bodiless(code: Int) async throws {
        for body: ResponseBody in [.none, .bytes([0x61]), .stream(length: 1) { try await $0([0x61]) }] {
            let (text, isOver) = await HTTP1Peer.answers(to: Array((get("/1") + get("/2")).utf8)) { _ in
                OutboundResponse(head: HTTPResponse(status: .init(code: code)), body: body)
            }
            #expect(text.split(separator: "HTTP/1.1 \(code) ").count == 2)
            #expect(!text.contains("\r\n\r\na"))
            #expect(!text.contains("Transfer-Encoding"))
            #expect(!isOver)
        }
    }

    @Test("a stream to HTTP/1.0 is not chunked and ends with the connection")
    func oldStream() async throws {
        let (text, isOver) = await HTTP1Peer.answers(
            to: Array("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n".utf8)
        ) { _ in
            OutboundResponse(head: HTTPResponse(status: .ok), body: .stream(length: nil) { try await $0([0x61]) })
        }
        #expect(text.hasSuffix("Connection: close\r\n\r\na"))
        #expect(isOver)
    }

    @Test("a large answer is written as it is, behind what came before it")
    func largeAnswer() async throws {
        let large = [UInt8](repeating: 0x62, count: 300_000)
        let (text, _) = await HTTP1Peer.answers(to: Array((get("/1") + get("/2")).utf8)) { request in
            request.path == "/1" ? .text(.ok, "small") : OutboundResponse(head: .init(status: .ok), body: .bytes(large))
        }
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"))
        #expect(text.contains("smallHTTP/1.1 200 OK\r\n"))
        #expect(text.hasSuffix("Content-Length: 300000\r\n\r\n" + String(decoding: large, as: UTF8.self)))
    }

    @Test("many requests in one piece are answered without piling up answers for a client that takes none")
    func pipelinedFlood() async {
        await onOwnLoop { loop in
            let calls = Lock(0)
            let peer = HTTP1Peer(on: loop) { _ in
                calls.withLock { $0 += 1 }
                return OutboundResponse(
                    head: HTTPResponse(status: .ok), body: .bytes([UInt8](repeating: 1, count: 100_000)))
            }
            peer.transport.isOpen = false
            await peer.send(String(repeating: get("/"), count: 1000), on: loop)
            #expect(calls.withLock { $0 } == 1)
            peer.transport.close(on: loop)
        }
    }
}
