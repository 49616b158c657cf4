import Primitives

/// Does something once after a time, on the timers of a loop, for code that may run anywhere.
///
/// Holds what it does until then, or until it is cancelled.
package final class Alarm: Sendable {
    private struct State {
        var isOver = false
        var timer: EventLoop.Timer?
    }

    private let loop = EventLoop.nearest
    private let state = Lock(State())

    /// - Parameter action: called on the loop's thread; returns soon.
    package init(after delay: Duration, _ action: @escaping @Sendable () -> Void) {
        let milliseconds = delay.timerMilliseconds
        loop.performHere { loop in self.set(after: milliseconds, action, on: loop) }
    }

    private func set(
        after milliseconds: UInt64, _ action: @escaping @Sendable () -> Void, on loop: isolated EventLoop
    ) {
        state.withLock { state in
            guard !state.isOver else { return }
            state.timer = loop.schedule(after: milliseconds) {
                let isFirst = self.state.withLock { state in
                    defer { state = State(isOver: true) }
                    return !state.isOver
                }
                if isFirst { action() }
            }
        }
    }

    /// What it was to do is not done any more, unless it has begun.
    package func cancel() {
        let timer = state.withLock { state in
            defer { state = State(isOver: true) }
            return state.timer
        }
        guard let timer else { return }
        loop.performHere { loop in loop.cancel(timer) }
    }
}

extension EventLoop {
    /// The loop of the process that the caller is on; elsewhere the next of them.
    package static var nearest: EventLoop {
        EventLoopGroup.shared.loops.first { $0.executor.isCurrent } ?? EventLoopGroup.shared.next()
    }

    /// Does something at once where the caller is on the loop already, else soon.
    nonisolated func performHere(_ body: @escaping @Sendable (isolated EventLoop) -> Void) {
        if !runIfCurrent(body) { perform(body) }
    }
}
