import Glibc
import Primitives

/// Lines on their way to a descriptor. They gather in a bounded buffer, which a thread of its own empties with one
/// write each time it comes round, so nobody who writes a line ever waits for a reader. What finds the buffer full, or
/// cannot be written (nobody reads, no space), is dropped and counted, and a later line tells how many.
package final class LineSink: Sendable {
    /// Of the process.
    package static let standardError = LineSink(descriptor: STDERR_FILENO)

    private struct State {
        /// Whole lines.
        var waiting: [UInt8] = []
        /// Empty, but large enough already.
        var spare: [UInt8] = []
        var dropped = 0
        /// The thread runs, or will.
        var isStarted = false
        /// The thread waits for `wake`.
        var isAsleep = false
        /// The thread has taken lines that it has not got rid of.
        var isWriting = false
        /// The last write ended inside a line.
        var isInLine = false
        var describeDropped: @Sendable (Int) -> String = { "\($0) log lines dropped" }
    }

    /// Of a buffer that is used again.
    private static let keptCapacity = 1 << 17

    private let descriptor: Int32
    private let capacity: Int
    private let pauseMicroseconds: UInt32
    private let state = LogLock(State())
    private let wake = Wake()

    /// `capacity`: bytes that wait at most. `pause`: how long lines gather after a write; the first one after a silence
    /// goes out at once.
    package init(descriptor: Int32, capacity: Int = 1 << 20, pause: Duration = .milliseconds(5)) {
        self.descriptor = descriptor
        self.capacity = capacity
        let (seconds, attoseconds) = pause.components
        pauseMicroseconds = UInt32(clamping: seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
    }

    /// How a line about dropped ones looks, without its end.
    package func describeDropped(_ describe: @escaping @Sendable (Int) -> String) {
        state.withLock { $0.describeDropped = describe }
    }

    /// Adds a line, given without its end.
    package func write(_ line: String) {
        let (mustStart, mustWake) = state.withLock { state in
            guard state.waiting.count + line.utf8.count < capacity else {
                state.dropped += 1
                return (false, false)
            }
            state.waiting.append(contentsOf: line.utf8)
            state.waiting.append(UInt8(ascii: "\n"))
            let mustStart = !state.isStarted
            let mustWake = state.isAsleep
            state.isStarted = true
            state.isAsleep = false
            return (mustStart, mustWake)
        }
        if mustStart { start() }
        if mustWake { wake.up() }
    }

    /// Waits until what was added before is written or dropped, at most for `limit`. Blocks: for the end of a process.
    package func flush(within limit: Duration = .seconds(2)) {
        let end = ContinuousClock.now + limit
        while state.withLock({ $0.isStarted && ($0.isWriting || !$0.waiting.isEmpty) }),
            ContinuousClock.now < end
        {
            if state.withLock({ state in
                defer { state.isAsleep = false }
                return state.isAsleep
            }) {
                wake.up()
            }
            usleep(500)
        }
    }

    /// Lines that the thread has not taken yet.
    var hasWaiting: Bool { state.withLock { !$0.waiting.isEmpty } }

    private func start() {
        guard DetachedThread.start({ [self] in run() }) == 0 else {
            // No thread: better late lines than none.
            writeWaiting()
            return state.withLock { $0.isStarted = false }
        }
        if descriptor == STDERR_FILENO { atexit { LineSink.standardError.flush() } }
    }

    private func run() {
        while true {
            writeWaiting()
            usleep(pauseMicroseconds)
            let mustSleep = state.withLock { state in
                state.isAsleep = state.waiting.isEmpty
                return state.isAsleep
            }
            if mustSleep { wake.wait() }
        }
    }

    private func writeWaiting() {
        let newline = UInt8(ascii: "\n")
        let (lines, dropped, isInLine, describe) = state.withLock { state in
            defer {
                state.waiting = state.spare
                state.spare = []
                state.dropped = 0
                state.isWriting = true
            }
            return (state.waiting, state.dropped, state.isInLine, state.describeDropped)
        }
        var bytes = lines
        if isInLine { bytes.insert(newline, at: 0) }
        // What was dropped came after all that waited, else there would have been room.
        if dropped > 0 { bytes += Array((describe(dropped) + "\n").utf8) }
        let written = DescriptorWriter.write(bytes, to: descriptor)
        let wholeLines = max(0, written - (isInLine ? 1 : 0))
        let lost = written < bytes.count ? lines.dropFirst(wholeLines).count { $0 == newline } + dropped : 0
        let endsInLine = written > 0 ? bytes[written - 1] != newline : isInLine
        bytes.removeAll(keepingCapacity: bytes.capacity <= Self.keptCapacity)
        let spare = bytes
        state.withLock { state in
            state.isWriting = false
            state.isInLine = endsInLine
            state.dropped += lost
            state.spare = spare
        }
    }
}
