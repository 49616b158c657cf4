/// What the crowd saw since it began; ``line(agents:)`` tells it.
struct Tally {
    var states = 0
    var receipts = 0
    /// Rounds in which an agent still waited for its last receipt.
    var lateStates = 0
    /// States not sent because the gateway had granted no room for them.
    var heldBack = 0
    var answers = 0
    var keepalives = 0
    var commands = 0
    /// Agents that were lost after they had begun to report, and those that never got so far.
    var lost = 0
    var refused = 0
    var lastReason = ""
    /// Waits for receipts since the last line, by duration: eight steps for each doubling of a microsecond.
    private var waits: [Int: Int] = [:]

    mutating func receipt(since sent: ContinuousClock.Instant?) {
        receipts += 1
        guard let sent else { return }
        let wait = max(1, (ContinuousClock.now - sent).microseconds)
        // The top four bits: three steps below each power of two.
        let power = Int.bitWidth - 1 - wait.leadingZeroBitCount
        let step = power >= 3 ? wait >> (power - 3) & 7 : 0
        waits[power * 8 + step, default: 0] += 1
    }

    /// A line of JSON: totals, and the waits of receipts since the last line as [microseconds at most, count].
    mutating func line(opened: Int, reporting: Int) -> String {
        let waited = waits.sorted { $0.key < $1.key }.map { bucket, count in
            let power = bucket / 8
            let limit = power >= 3 ? (8 + bucket % 8 + 1) << (power - 3) : 2 << power
            return "[\(limit),\(count)]"
        }
        waits.removeAll(keepingCapacity: true)
        let reason = lastReason.filter { $0.isASCII && $0 != "\"" && $0 != "\\" && !$0.isNewline }
        return """
            {"opened":\(opened),"reporting":\(reporting),"states":\(states),"receipts":\(receipts),"late":\(lateStates),\
            "held_back":\(heldBack),"answers":\(answers),"keepalives":\(keepalives),"commands":\(commands),\
            "lost":\(lost),"refused":\(refused),"last_reason":"\(reason)","waits":[\(waited.joined(separator: ","))]}
            """
    }
}
