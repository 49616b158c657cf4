import AgentLink
import Secrets
import Testing

@testable import MCPServer

@Suite("The rules of a download (mcp.md 7.4, 7.5)")
struct TransferDownloadRelayTests {
    private static let zeros = [UInt8](repeating: 0, count: 32)

    /// Runs messages through the rules; the digest asked for is that of what was spooled.
    /// - Returns: the spooled bytes, and the last action.
    private func run(_ events: [DownloadRelay.Event]) -> (spooled: [UInt8], last: DownloadRelay.Action?) {
        var relay = DownloadRelay()
        var spooled: [UInt8] = []
        var last: DownloadRelay.Action?
        for event in events {
            var action = relay.handle(event)
            if case .spool(let bytes) = action { spooled += bytes }
            if case .hash = action { action = relay.handle(.digest(SHA256Digest.hash(spooled))) }
            last = action
            if case .fail = action { break }
            if case .complete = action { break }
        }
        return (spooled, last)
    }

    private func failure(_ events: [DownloadRelay.Event]) -> RelayFailure? {
        guard case .fail(let failure)? = run(events).last else { return nil }
        return failure
    }

    private func frame(_ frame: TransferFrame) -> DownloadRelay.Event { .message(frame.bytes) }

    private func done(_ bytes: [UInt8]) -> DownloadRelay.Event {
        frame(.done(size: UInt64(bytes.count), sha256: SHA256Digest.hash(bytes)))
    }

    private let magic = Array("NZTE".utf8)

    @Test("a file in chunks comes whole")
    func whole() {
        let (spooled, last) = run([
            frame(.downloadBegins(size: 5)), frame(.chunk([1, 2])), frame(.chunk([3, 4, 5])), done([1, 2, 3, 4, 5]),
        ])
        #expect(spooled == [1, 2, 3, 4, 5])
        #expect(last == .complete(size: 5))
    }

    @Test("an empty file is legal")
    func empty() {
        #expect(run([frame(.downloadBegins(size: 0)), done([])]).last == .complete(size: 0))
    }

    @Test("a hash of zeros says that the agent made none")
    func zeroHash() {
        let events = [frame(.downloadBegins(size: 1)), frame(.chunk([9])), frame(.done(size: 1, sha256: Self.zeros))]
        #expect(run(events).last == .complete(size: 1))
    }

    @Test("a payload that begins like an error frame is data")
    func errorMagicInsideData() {
        let payload = magic + Array("not an error".utf8)
        let (spooled, last) = run([
            frame(.downloadBegins(size: UInt64(payload.count))), frame(.chunk(payload[...])), done(payload),
        ])
        #expect(spooled == payload)
        #expect(last == .complete(size: payload.count))
    }

    @Test("the agent's error is passed on at any point, however short")
    func errors() {
        let begun = [frame(.downloadBegins(size: 4)), frame(.chunk([1, 2]))]
        let whole = [frame(.downloadBegins(size: 1)), frame(.chunk([1]))]
        for prefix in [[], [frame(.downloadBegins(size: 4))], begun, whole] {
            #expect(failure(prefix + [.message(magic + Array("no".utf8))]) == .agent("no"))
            #expect(failure(prefix + [.message(magic)]) == .agent("agent reported an error"))
        }
    }

    @Test("an error never becomes part of the file")
    func errorDoesNotCorrupt() {
        let (spooled, _) = run([
            frame(.downloadBegins(size: 100)), frame(.chunk([1, 2])), .message(magic + [3, 4]), frame(.chunk([5])),
        ])
        #expect(spooled == [1, 2])
    }

    @Test("a missing header is an agent that did not answer")
    func noHeader() {
        #expect(failure([.ended])?.kind == .noAnswer)
        #expect(failure([.broken("reset")])?.text == "agent did not return download header: reset")
    }

    @Test("another frame than a header, or nothing known, is refused")
    func wrongHeader() {
        let wrong = [
            TransferFrame.uploadReady(size: 1).bytes, TransferFrame.chunk([1]).bytes,
            TransferFrame.done(size: 1, sha256: Self.zeros).bytes, [], [0x4E], Array("GET / HTTP/1.1".utf8),
        ]
        for message in wrong {
            #expect(failure([.message(message)]) == .agent("agent returned unexpected header magic"))
        }
        let short = Array(TransferFrame.downloadBegins(size: 1).bytes.dropLast())
        #expect(failure([.message(short)])?.text == "agent did not return download header: wrong length")
    }

    @Test("a declared size above 100 MiB is refused, also one that would be negative when signed")
    func declaredSize() {
        var relay = DownloadRelay()
        #expect(relay.handle(frame(.downloadBegins(size: 104_857_600))) == .begin(size: 104_857_600))
        for size in [104_857_601, UInt64(1) << 63, UInt64.max] {
            let refused = failure([frame(.downloadBegins(size: size))])
            #expect(refused?.text.contains("declared size exceeds MCP transfer cap") == true)
            #expect(refused?.kind == .agent)
        }
    }

    @Test("a chunk that is empty, shorter or longer than it says is refused")
    func malformedChunks() {
        let header = frame(.downloadBegins(size: 8))
        let empty = Array("NZTC".utf8) + [UInt8](repeating: 0, count: 8)
        let tooShort = Array("NZTC".utf8) + [0, 0, 0, 0, 0, 0, 0, 4, 1, 2]
        let tooLong = Array("NZTC".utf8) + [0, 0, 0, 0, 0, 0, 0, 1, 1, 2]
        for message in [empty, tooShort, tooLong, [], Array("junk".utf8), TransferFrame.uploadReady(size: 8).bytes] {
            #expect(failure([header, .message(message)])?.text.hasPrefix("stream relay failed: ") == true)
        }
    }

    @Test("more bytes than declared are refused, in the chunk and after the end")
    func oversent() {
        for payload: [UInt8] in [[1, 2, 3], [1, 2, 3, 4]] {
            let refused = failure([frame(.downloadBegins(size: 2)), frame(.chunk(payload[...]))])
            #expect(refused?.text.hasPrefix("agent oversent: ") == true)
        }
        let after = failure([frame(.downloadBegins(size: 1)), frame(.chunk([1])), frame(.chunk([2]))])
        #expect(after?.text.hasPrefix("agent oversent: ") == true)
    }

    @Test("an early end is refused, with and without a final frame")
    func undersent() {
        let begun = [frame(.downloadBegins(size: 4)), frame(.chunk([1, 2]))]
        #expect(failure(begun + [.ended])?.text.hasPrefix("stream relay failed: ") == true)
        #expect(failure(begun + [.broken("reset")])?.text == "stream relay failed: reset")
        #expect(failure(begun + [done([1, 2])])?.text == "stream relay failed: the agent ended after 2 of 4 bytes")
    }

    @Test("without a sound final frame there is no success")
    func finalFrame() {
        let whole = [frame(.downloadBegins(size: 2)), frame(.chunk([1, 2]))]
        #expect(failure(whole + [.ended])?.text.hasPrefix("agent did not send final transfer frame: ") == true)
        let hash = SHA256Digest.hash([1, 2])
        var wrong = hash
        wrong[31] ^= 1
        let truncated = Array(TransferFrame.done(size: 2, sha256: hash).bytes.dropLast())
        let refused = [
            frame(.done(size: 3, sha256: hash)), frame(.done(size: 2, sha256: wrong)), .message(truncated),
            .message(Array("NZTX".utf8)), frame(.downloadBegins(size: 2)),
        ]
        for event in refused {
            let refusal = failure(whole + [event])
            #expect(refusal?.text.hasPrefix("download final frame: ") == true, "\(event)")
            #expect(refusal?.kind == .agent)
        }
    }

    @Test("any order of events ends in success or failure, and stays there")
    func afterTheEnd() {
        var relay = DownloadRelay()
        _ = relay.handle(.ended)
        for event in [frame(.downloadBegins(size: 0)), .ended, .digest(Self.zeros), .broken("x")] {
            guard case .fail = relay.handle(event) else {
                Issue.record("went on after the end")
                return
            }
        }
        #expect(failure([.digest(Self.zeros)]) != nil)
        #expect(failure([frame(.downloadBegins(size: 1)), .digest(Self.zeros)]) != nil)
    }

    @Test("an agent's words have nothing that a terminal obeys")
    func words() {
        #expect(RelayFailure.reported("\u{1B}]0;x\u{7}no\u{0}\tsuch\nfile").text == "]0;xno\tsuch\nfile")
        #expect(RelayFailure.reported("\u{7}").text == "agent reported an error")
    }
}
