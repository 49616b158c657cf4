import TestSupport
import Testing
import Transport

@testable import HTTP

@Suite("HTTP/2: answers cancelled at every step", .timeLimit(.minutes(5)))
struct HTTP2CancelTests {
    enum Way: CaseIterable, Sendable { case clientResets, serverResets, connectionCloses, bothAtOnce }

    /// An answer of several steps: its fields, three pieces that do not fit into a shut window, its trailers.
    private static func step(_ number: Int, _ handler: NotingHandler, on loop: isolated EventLoop) {
        switch number {
        case 0: handler.stream.respond(HTTPResponse(status: .ok), on: loop)
        case 1, 2, 3: handler.stream.write([UInt8](repeating: UInt8(number), count: 40 << 10), on: loop)
        case 4: handler.stream.end(trailers: [.via: "1"], on: loop)
        default: break
        }
    }

    @Test(
        "whoever cancels, whenever, window shut and open: the stream closes once, and what is done to it then is nothing",
        arguments: Way.allCases, [true, false])
    func everyStep(_ way: Way, isShut: Bool) async {
        await withOwnLoop { loop in
            for steps in 0...5 {
                // After so many turns of carrying bytes between what was written and the cancelling.
                for turns in 0...3 {
                    let router = NotingRouter()
                    let pair = HTTP2Pair(router: router, on: loop, echo)
                    let answer = pair.request("/call", on: loop)
                    answer.consumes = !isShut
                    await pair.exchange(on: loop)
                    guard let handler = router.all(on: loop).first else {
                        Issue.record("the request did not come")
                        continue
                    }
                    for number in 0..<steps { Self.step(number, handler, on: loop) }
                    if turns > 1 { await pair.exchange(on: loop) } else if turns > 0 { await loop.turn() }
                    switch way {
                    case .clientResets: answer.stream?.reset(.cancel, on: loop)
                    case .serverResets: handler.stream.reset(.internalError, on: loop)
                    case .connectionCloses: pair.close(on: loop)
                    case .bothAtOnce:
                        answer.stream?.reset(.cancel, on: loop)
                        handler.stream.reset(.cancel, on: loop)
                    }
                    // Nothing of it may reach a stream that is gone.
                    for number in steps...5 { Self.step(number, handler, on: loop) }
                    await pair.exchange(on: loop)
                    handler.stream.consume(1000, on: loop)
                    handler.stream.reset(.cancel, on: loop)
                    if way != .connectionCloses {
                        // The connection goes on.
                        let later = pair.request("/web", on: loop)
                        #expect(await pair.exchange(on: loop) { later.isClosed && later.head?.status == .ok })
                    }
                    pair.close(on: loop)
                    #expect(handler.events.count { $0 == "closed" } == 1)
                    #expect(handler.events.last == "closed")
                    #expect(answer.isClosed)
                }
            }
        }
    }

    @Test("HEADERS, DATA, END_STREAM and RST_STREAM in every order and one packet, cut at every byte")
    func everyCut() async {
        await withOwnLoop { loop in
            let (head, tail) = (HTTP2Wire.data(1, [1, 2, 3]), HTTP2Wire.data(1, [4], end: true))
            let (reset, trailers) = (HTTP2Wire.reset(1), HTTP2Wire.headers(1, [("x-t", "1")], end: true))
            let request = HTTP2Wire.request(1, "/call", method: "POST", end: false)
            let orders = [
                [head, tail, reset], [head, reset, tail], [tail, head, reset], [tail, reset, head],
                [reset, head, tail],
                [reset, tail, head], [head, trailers, reset], [trailers, reset, head], [trailers, head, reset],
                [reset, trailers],
            ]
            for order in orders {
                let bytes = request + order.joined()
                // What a stream hears before its reset does not depend on the cut; after a fault nothing more counts.
                var first: [UInt8]?
                for cut in 0..<bytes.count {
                    let router = NotingRouter { stream, loop in
                        stream.respond(HTTPResponse(status: .ok), on: loop)
                        stream.write([1], on: loop)
                    }
                    let pair = HTTP2Pair(client: nil, router: router, on: loop, echo)
                    pair.send(Array(bytes[..<cut]), on: loop)
                    await loop.turn()
                    pair.send(Array(bytes[cut...]), on: loop)
                    await loop.turn()
                    let handler = router.all(on: loop).first
                    #expect(first == nil || handler?.body == first, "\(order) \(cut)")
                    first = handler?.body
                    pair.close(on: loop)
                    #expect(handler?.events.count { $0 == "closed" } == 1)
                    #expect(handler?.events.last == "closed")
                }
            }
        }
    }
}
