import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("Lives of HTTP/2 connections", .serialized, .timeLimit(.minutes(5)))
struct HTTP2LifeTests {
    typealias Wire = HTTP2Wire

    private static func configuration(
        router: (any HTTP2StreamRouter)? = nil, _ change: (inout HTTP2ServerLimits) -> Void,
        _ entry: @escaping HTTPEntry = { _ in .empty(.ok) }
    ) -> HTTP2ServerConfiguration {
        var configuration = HTTP2ServerConfiguration(entry: entry, router: router)
        change(&configuration.limits)
        return configuration
    }

    /// Waits for as long as something does not hold, for twenty seconds at most.
    private static func eventually(on loop: isolated EventLoop, _ condition: () -> Bool) async -> Bool {
        let end = loop.now + 20_000
        while !condition(), loop.now < end { try? await loop.sleep(milliseconds: 2) }
        return condition()
    }

    @Test("without a credential: GOAWAY, then the end, also while a request is open; the limits are those of the rule")
    func strangers() async {
        #expect(HTTP2ServerLimits().strangers == 30_000)
        await withOwnLoop { loop in
            let configuration = Self.configuration {
                $0.farewellToStrangers = 30
                $0.strangers = 60
            }
            let pair = HTTP2Pair(configuration, client: nil, on: loop)
            pair.send(Wire.request(1, method: "POST", end: false), on: loop)
            let start = loop.now
            #expect(await Self.eventually(on: loop) { pair.transport.isClosed })
            #expect(loop.now - start >= 55)
            #expect(Wire.parse(pair.transport.takeSent()).contains { $0.is(.goAway) && $0.code == .noError })
        }
    }

    @Test(
        "a credential that was believed lets the connection live; one that was only shown, or is one too many, does not",
        arguments: [
            (HTTPResponse.Status.ok, "known", true), (.found, "known", true), (.tooManyRequests, "known", true),
            (.ok, "unknown", false), (.unauthorized, "unknown", false), (.ok, "known, taken", false),
        ])
    func credentials(status: HTTPResponse.Status, shown: String, lives: Bool) async {
        await withOwnLoop { loop in
            let configuration = Self.configuration {
                $0.farewellToStrangers = 600
                $0.strangers = 700
            } _: { request in
                if request.head.headerFields[.authorization]?.hasPrefix("known") == true { request.isOf(user: 7) }
                return .empty(status)
            }
            let pair = HTTP2Pair(configuration, userConnections: shown == "known, taken" ? 0 : 1, on: loop)
            defer { pair.close(on: loop) }
            let answer = pair.request("/", [.authorization: shown, .cookie: "a=b"], on: loop)
            await pair.exchange(on: loop)
            #expect(answer.head?.status == status)
            try? await loop.sleep(milliseconds: 1000)
            #expect(pair.transport.isClosed != lives)
        }
    }

    @Test("a connection whose first request takes long lives once its credential was believed")
    func longRequest() async {
        await withOwnLoop { loop in
            let configuration = Self.configuration {
                $0.farewellToStrangers = 1000
                $0.strangers = 1200
            } _: { request in
                request.isOf(user: 7)
                try? await Task.sleep(for: .milliseconds(1800))
                return .text(.ok, "late")
            }
            let pair = HTTP2Pair(configuration, on: loop)
            defer { pair.close(on: loop) }
            let answer = pair.request("/", on: loop)
            #expect(await pair.exchange(on: loop) { answer.isClosed })
            #expect(answer.text == "late")
            #expect(!pair.transport.isClosed)
        }
    }

    @Test("a silent peer is asked for a sign of life; an answer keeps it, none ends it", arguments: [true, false])
    func keepAlive(answers: Bool) async {
        await withOwnLoop { loop in
            let router = NotingRouter { stream, loop in stream.connectionIsTrusted(as: .agent(1), on: loop) }
            let configuration = Self.configuration(router: router) {
                $0.silence = 100
                $0.answer = answers ? 4000 : 1000
            }
            let pair = HTTP2Pair(configuration, client: nil, on: loop)
            defer { pair.close(on: loop) }
            pair.send(Wire.request(1, "/call", method: "POST", end: false), on: loop)
            var pings = 0
            let end = loop.now + 20_000
            while loop.now < end, !pair.transport.isClosed, pings < 4 {
                for ping in await pair.frames(on: loop) where ping.is(.ping) && ping.flags == 0 {
                    pings += 1
                    if answers { pair.send(Wire.frame(.ping, 1, 0, ping.payload), on: loop) }
                }
                try? await loop.sleep(milliseconds: 5)
            }
            #expect(pair.transport.isClosed != answers)
            // The acknowledgement of our SETTINGS may come after the first.
            #expect(answers ? pings == 4 : pings <= 2)
            #expect(answers || router.all(on: loop).first?.failure == .connectionLost)
        }
    }

    @Test("a connection without streams hears GOAWAY and ends; one with a stream stays", arguments: [true, false])
    func unused(hasStream: Bool) async {
        await withOwnLoop { loop in
            let router = NotingRouter { stream, loop in stream.connectionIsTrusted(as: .agent(1), on: loop) }
            let configuration = Self.configuration(router: router) {
                $0.silence = 100
                $0.unused = 800
            }
            let pair = HTTP2Pair(configuration, on: loop)
            defer { pair.close(on: loop) }
            let call = pair.request("/call", method: .post, end: false, on: loop)
            await pair.exchange(on: loop)
            if !hasStream { call.stream?.reset(.cancel, on: loop) }
            let end = loop.now + (hasStream ? 1200 : 5000)
            while loop.now < end, !pair.isServerGone {
                await pair.exchange(on: loop)
                try? await loop.sleep(milliseconds: 5)
            }
            #expect(pair.isServerGone != hasStream)
            #expect((pair.goneAway == .noError) != hasStream)
        }
    }

    @Test("a FIN of the client closes, and its calls end")
    func clientEnds() async {
        await withOwnLoop { loop in
            let router = NotingRouter()
            let pair = HTTP2Pair(client: nil, router: router, on: loop, echo)
            pair.send(Wire.request(1, "/call", method: "POST", end: false), on: loop)
            _ = await pair.frames(on: loop)
            pair.transport.receiveEnd(on: loop)
            #expect(pair.transport.isClosed)
            #expect(router.all(on: loop).first?.failure == .connectionLost)
        }
    }

    @Test("a shutdown says GOAWAY, answers what is in flight, takes nothing new, then ends")
    func shutdown() async {
        await withOwnLoop { loop in
            let isDone = Lock(false)
            let pair = HTTP2Pair(on: loop) { request in
                while !isDone.withLock({ $0 }) { await Task.yield() }
                return .text(.ok, "done")
            }
            let flying = pair.request("/", on: loop)
            await pair.exchange(on: loop)
            pair.server.beginShutdown(on: loop)
            await pair.exchange(on: loop)
            #expect(pair.goneAway == .noError)
            #expect(pair.client?.isOpen == false)
            #expect(!pair.isServerGone)
            #expect(!flying.isClosed)
            isDone.withLock { $0 = true }
            #expect(await pair.exchange(on: loop) { flying.isClosed })
            #expect(flying.text == "done")
            #expect(flying.failure == nil)
            #expect(await pair.exchange(on: loop) { pair.transport.isClosed })
            #expect(pair.end == .goneAway(.noError, reason: ""))
        }
    }

    @Test("a shutdown does not wait for a client that answers nothing")
    func shutdownOfASilentClient() async {
        await withOwnLoop { loop in
            let pair = HTTP2Pair(Self.configuration { $0.notice = 20 }, client: nil, on: loop)
            _ = await pair.frames(on: loop)
            pair.server.beginShutdown(on: loop)
            #expect(await Self.eventually(on: loop) { pair.isServerGone })
            let farewells = Wire.parse(pair.transport.takeSent()).filter { $0.is(.goAway) }
            #expect(farewells.map { Array($0.payload.prefix(4)) } == [[0x7F, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0]])
            pair.transport.receiveEnd(on: loop)
            #expect(pair.transport.isClosed)
        }
    }

    @Test("Connections that push the window past 2^31 are let go, each of them")
    func windowsPastTheEnd() async {
        await withOwnLoop { loop in
            weak var last: HTTP2Connection?
            for _ in 0..<2000 {
                let pair = HTTP2Pair(client: nil, on: loop, echo)
                pair.send(Wire.window(0, 0x7FFF_FFFF), on: loop)
                await loop.turn()
                #expect(pair.transport.hasFinishedSending)
                #expect(Wire.parse(pair.transport.takeSent()).last?.code == .flowControlError)
                last = pair.server
                pair.transport.receiveEnd(on: loop)
            }
            await loop.turn()
            #expect(last == nil)
        }
    }

    @Test("a peer that keeps the connection after its fault is cut off within a second or so")
    func cutOff() async {
        await withOwnLoop { loop in
            let pair = HTTP2Pair(client: nil, on: loop, echo)
            pair.send(Wire.window(0, 0), on: loop)
            let start = loop.now
            #expect(await Self.eventually(on: loop) { pair.transport.isClosed })
            // The other limits of the two are minutes.
            #expect(loop.now - start < 20_000)
        }
    }

    @Test("a peer that sends on and on after its fault is cut off at once")
    func floodAfterFault() async {
        await withOwnLoop { loop in
            let pair = HTTP2Pair(client: nil, on: loop, echo)
            pair.send(Wire.window(0, 0), on: loop)
            await loop.turn()
            #expect(pair.isServerGone)
            #expect(!pair.transport.isClosed)
            for _ in 0..<16 { pair.send(Array(repeating: 0, count: 64 << 10), on: loop) }
            #expect(!pair.transport.isClosed)
            pair.send([0], on: loop)
            #expect(pair.transport.isClosed)
        }
    }
}
