import AgentLink
import Secrets
import Testing

@testable import MCPServer

@Suite("The rules of an upload (mcp.md 7.4, 7.6)")
struct TransferUploadRelayTests {
    private static let zeros = [UInt8](repeating: 0, count: 32)
    private let digest = SHA256Digest.hash([1, 2, 3])
    private let magic = Array("NZTE".utf8)

    private func run(_ events: [UploadRelay.Event], size: Int = 3, wanted: [UInt8]? = nil) -> UploadRelay.Action? {
        var relay = UploadRelay(size: size, wanted: wanted)
        var last: UploadRelay.Action?
        for event in events {
            last = relay.handle(event)
            if case .fail = last { break }
        }
        return last
    }

    private func failure(
        _ events: [UploadRelay.Event], size: Int = 3, wanted: [UInt8]? = nil
    ) -> RelayFailure? {
        guard case .fail(let failure)? = run(events, size: size, wanted: wanted) else { return nil }
        return failure
    }

    private func frame(_ frame: TransferFrame) -> UploadRelay.Event { .message(frame.bytes) }

    private var ready: UploadRelay.Event { frame(.uploadReady(size: 3)) }
    private var sent: [UploadRelay.Event] { [ready, .body(count: 1), .body(count: 2)] }
    private var whole: [UploadRelay.Event] { sent + [.bodyEnded(sha256: digest)] }
    private var stored: UploadRelay.Event { frame(.done(size: 3, sha256: digest)) }

    @Test("ready, body, receipt")
    func success() {
        var relay = UploadRelay(size: 3, wanted: digest)
        #expect(relay.handle(ready) == .startBody)
        #expect(relay.handle(.body(count: 1)) == .forward)
        #expect(relay.handle(.body(count: 2)) == .forward)
        #expect(relay.handle(.bodyEnded(sha256: digest)) == .awaitReceipt)
        #expect(relay.handle(stored) == .complete(.init(size: 3, sha256: digest)))
    }

    @Test("an empty file is legal")
    func empty() {
        let none = SHA256Digest.hash([])
        let events = [frame(.uploadReady(size: 0)), .bodyEnded(sha256: none), frame(.done(size: 0, sha256: none))]
        #expect(run(events, size: 0) == .complete(.init(size: 0, sha256: none)))
    }

    @Test("a receipt may come before the end of the client's body was seen")
    func quickReceipt() {
        #expect(run(sent + [stored]) == .proceed)
        #expect(run(sent + [stored, .ended]) == .proceed)
        let complete = UploadRelay.Action.complete(.init(size: 3, sha256: digest))
        #expect(run(sent + [stored, .bodyEnded(sha256: digest)]) == complete)
        #expect(run(sent + [stored, .ended, .bodyEnded(sha256: digest)]) == complete)
        #expect(failure([ready, .body(count: 2), frame(.done(size: 3, sha256: digest))]) != nil)
    }

    @Test("the agent's error is passed on at any point, however short")
    func errors() {
        for prefix in [[], [ready], [ready, .body(count: 1)], sent, whole, sent + [.sendFailed("reset")]] {
            #expect(failure(prefix + [.message(magic + Array("no".utf8))]) == .agent("no"))
            #expect(failure(prefix + [.message(magic)]) == .agent("agent reported an error"))
        }
    }

    @Test("a missing ready frame is an agent that did not answer")
    func noReady() {
        #expect(failure([.ended])?.kind == .noAnswer)
        #expect(failure([.broken("reset")])?.text == "agent did not return upload ready frame: reset")
    }

    @Test("another frame than ready is refused")
    func wrongReady() {
        for message in [TransferFrame.downloadBegins(size: 3).bytes, [], Array("junk".utf8), Array("NZT".utf8)] {
            #expect(failure([.message(message)]) == .agent("agent returned unexpected header magic"))
        }
        #expect(failure([.message(Array(TransferFrame.uploadReady(size: 3).bytes.dropLast()))])?.kind == .agent)
    }

    @Test("the agent must be ready for exactly the announced size")
    func readySize() {
        for size in [0, 2, 4, 104_857_601, UInt64(1) << 63, UInt64.max] {
            #expect(failure([frame(.uploadReady(size: size))]) == .agent("agent acknowledged unexpected size"))
        }
    }

    @Test("a body shorter or longer than announced is refused")
    func bodyLength() {
        let short = failure([ready, .body(count: 2), .bodyEnded(sha256: digest)])
        #expect(short == .agent("stream relay failed: the body ended after 2 of 3 bytes"))
        #expect(failure([ready, .body(count: 4)])?.text.hasPrefix("stream relay failed: ") == true)
        #expect(failure(sent + [.body(count: 1)])?.text.hasPrefix("stream relay failed: ") == true)
    }

    @Test("a client that left is told apart from an agent that failed")
    func clientGone() {
        #expect(failure([ready, .bodyBroken])?.kind == .clientGone)
        #expect(failure([ready, .ended])?.kind == .agent)
        #expect(failure([ready, .broken("reset")])?.text == "stream relay failed: reset")
    }

    @Test("after a failed send the agent's reason is waited for, but not for ever")
    func sendFailed() {
        #expect(run([ready, .body(count: 1), .sendFailed("closed")]) == .hearOut)
        for last: UploadRelay.Event in [.graceOver, .ended, .broken("x"), stored] {
            #expect(failure([ready, .sendFailed("closed"), last]) == .agent("stream relay failed: closed"))
        }
    }

    @Test("anything but an error or a receipt while the body is under way is refused")
    func unexpectedFrames() {
        for message in [TransferFrame.chunk([1]).bytes, TransferFrame.uploadReady(size: 3).bytes, Array("junk".utf8)] {
            #expect(failure([ready, .message(message)])?.text.hasPrefix("stream relay failed: ") == true)
        }
        #expect(failure(sent + [stored, stored])?.kind == .agent)
    }

    @Test("without a sound receipt there is no success")
    func receipt() {
        #expect(failure(whole + [.ended])?.kind == .noAnswer)
        #expect(failure(whole + [.broken("reset")])?.text == "agent did not acknowledge upload: reset")
        for message in [TransferFrame.uploadReady(size: 3).bytes, Array("NZTX".utf8), []] {
            #expect(failure(whole + [.message(message)]) == .agent("agent returned unexpected final magic"))
        }
        let truncated = Array(TransferFrame.done(size: 3, sha256: digest).bytes.dropLast())
        #expect(failure(whole + [.message(truncated)])?.kind == .agent)
        let size = failure(whole + [frame(.done(size: 2, sha256: digest))])
        #expect(size == .agent("agent acknowledged unexpected size"))
    }

    @Test("the agent's digest is compared, unless it is zeros")
    func agentDigest() {
        var wrong = digest
        wrong[0] ^= 0x80
        #expect(failure(whole + [frame(.done(size: 3, sha256: wrong))])?.text.hasPrefix("sha256 mismatch") == true)
        let skipped = run(whole + [frame(.done(size: 3, sha256: Self.zeros))])
        #expect(skipped == .complete(.init(size: 3, sha256: Self.zeros)))
    }

    @Test("the announced digest is compared with what was relayed, whatever the agent says")
    func announcedDigest() {
        let other = SHA256Digest.hash([9])
        for hash in [digest, other, Self.zeros] {
            let refused = failure(whole + [frame(.done(size: 3, sha256: hash))], wanted: other)
            #expect(refused == .agent("sha256 mismatch"))
        }
        #expect(run(whole + [stored], wanted: digest) == .complete(.init(size: 3, sha256: digest)))
    }

    @Test("after the end nothing goes on")
    func afterTheEnd() {
        var relay = UploadRelay(size: 3, wanted: nil)
        _ = relay.handle(.ended)
        for event in whole + [stored, .graceOver, .bodyBroken, .ended] {
            guard case .fail = relay.handle(event) else {
                Issue.record("went on after the end")
                return
            }
        }
    }
}
