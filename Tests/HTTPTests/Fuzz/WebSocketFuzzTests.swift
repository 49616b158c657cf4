import FuzzSupport
import Testing

@testable import HTTP

@Suite("Fuzzing: WebSocket frames", .timeLimit(.minutes(10)))
struct WebSocketFuzzTests {
    private static let limit = 300

    private static let corpus: [[UInt8]] = {
        func frame(_ opcode: UInt8, _ text: String, isFinal: Bool = true) -> [UInt8] {
            WebSocketPeer.frame(opcode, Array(text.utf8), isFinal: isFinal)
        }
        let long = String(repeating: "é", count: 150)
        return [
            frame(1, "text") + frame(2, "\0\u{1}") + frame(9, "ping") + frame(10, "") + frame(8, "\u{3}\u{E8}bye"),
            frame(1, "hé", isFinal: false) + frame(9, "") + frame(0, "llo", isFinal: false) + frame(0, "")
                + frame(2, ""),
            frame(1, long) + frame(2, long, isFinal: false) + frame(0, "x"),
            frame(1, "\u{10FFFF}") + WebSocketPeer.frame(1, [0xC3, 0x28]) + frame(1, "after") + frame(8, ""),
            WebSocketPeer.frame(1, [0xE2, 0x82], isFinal: false) + WebSocketPeer.frame(0, [0xAC]),
            WebSocketPeer.frame(8, [3, 0xE8, 0xFF]), WebSocketPeer.frame(8, [3]),
            [0x82, 0xFF] + [UInt8](repeating: 0xFF, count: 12),
        ]
    }()

    private static func events(_ pieces: [[UInt8]]) -> [WebSocketFrameReader.Event] {
        var (reader, events) = (WebSocketFrameReader(maxMessageSize: limit), [WebSocketFrameReader.Event]())
        for piece in pieces {
            reader.append(piece.span)
            while let event = reader.next() { events.append(event) }
        }
        return events
    }

    @Test("a reader of frames sees the same, however the bytes are cut; no message is too long, nor more than came")
    func frames() {
        var fuzzer = Fuzzer(
            corpus: Self.corpus, words: [[0x80], [0x81, 0x80], [0xFE, 0, 0x7E], [0x7F], [0x89, 0x80]])
        var messages = 0
        let tried = fuzzer.run(6000) { bytes, numbers in
            let whole = Self.events([bytes])
            for cuts in [FuzzCuts.single, .random] {
                #expect(Self.events(cuts.pieces(bytes, &numbers)) == whole, "\(bytes)")
            }
            var total = 0
            var isOver = false
            for event in whole {
                var count = 0
                switch event {
                case .message(.text(let text)): count = text.utf8.count
                case .message(.binary(let data)): count = data.count
                case .ping(let data):
                    #expect(data.count < 126)
                    total += data.count
                case .close, .violation, .badClose: isOver = true
                case .pong: break
                }
                if case .message = event {
                    #expect(!isOver, "after an end only a close is looked for: \(bytes)")
                    messages += 1
                }
                #expect(count <= Self.limit)
                total += count
            }
            #expect(total <= bytes.count)
        }
        #expect(messages > tried / 20, "too few of the inputs are messages for this to say much")
    }
}
