import Testing

@testable import Transport

/// A protocol that notes what it is told.
final class Recorder: ByteProtocol {
    var received: [UInt8] = []
    var hasEnded = false
    var writableCount = 0
    var closedCount = 0
    /// What is done about bytes, besides noting them.
    var whenReceived: (([UInt8]) -> Void)?
    var whenEnded: (() -> Void)?

    func received(_ bytes: Span<UInt8>, on loop: isolated EventLoop) {
        #expect(closedCount == 0, "nothing comes after the end")
        var copy: [UInt8] = []
        copy.append(bytes)
        received += copy
        whenReceived?(copy)
    }

    func receivedEnd(on loop: isolated EventLoop) {
        #expect(closedCount == 0)
        #expect(!hasEnded)
        hasEnded = true
        whenEnded?()
    }

    func writable(on loop: isolated EventLoop) {
        #expect(closedCount == 0)
        writableCount += 1
    }

    func closed(on loop: isolated EventLoop) { closedCount += 1 }
}

extension EventLoop {
    /// Waits on the loop until something is so; gives up after 20 seconds.
    func wait(
        _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation, until isSo: () -> Bool
    ) async throws {
        for _ in 0..<20_000 {
            if isSo() { return }
            try await sleep(milliseconds: 1)
        }
        Issue.record(comment ?? "it was never so", sourceLocation: sourceLocation)
    }
}

/// Bytes whose order shows.
func pattern(_ count: Int) -> [UInt8] {
    let block = Array(0...250 as ClosedRange<UInt8>)
    return Array([[UInt8]](repeating: block, count: count / block.count + 1).flatMap { $0 }.prefix(count))
}
