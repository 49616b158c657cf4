import Transport

extension EventLoop {
    /// Does something on the loop soon, in the order of the calls; from anywhere.
    nonisolated func enqueue(_ body: @escaping @Sendable (isolated EventLoop) -> Void) {
        Task(executorPreference: executor) { await body(self) }
    }
}

extension Duration {
    /// For the loop's timers: rounded up, nothing below zero.
    var wholeMilliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let whole = UInt64(min(seconds, .max / 1000 - 1)) * 1000
        return whole + UInt64((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
