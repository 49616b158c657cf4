extension Duration {
    /// Rounded towards zero: for records and reports.
    package var wholeMilliseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        return whole.addingReportingOverflow(attoseconds / 1_000_000_000_000_000).partialValue
    }

    /// Rounded up, nothing below zero: for timers, which must not fire early.
    package var timerMilliseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        let part = UInt64((attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
        let (whole, isTooLarge) = UInt64(seconds).multipliedReportingOverflow(by: 1000)
        return isTooLarge ? .max / 2 : min(whole + part, .max / 2)
    }
}
