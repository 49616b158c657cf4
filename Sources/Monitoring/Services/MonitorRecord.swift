/// What is known of one monitor: its last results and those of 30 days (`engines.md` 3). Pure: times are brought along.
package struct MonitorRecord: Sendable {
    /// How a monitor stands, judged by its last quarter of an hour.
    package enum Status: Sendable, Hashable {
        case noData
        case good
        case lowAvailability
        case down
    }

    /// The results of one day.
    package struct Day: Sendable, Hashable {
        package var up: Int64 = 0
        package var down: Int64 = 0
        /// Mean of the successes, milliseconds.
        package var delay = 0.0

        package init(up: Int64 = 0, down: Int64 = 0, delay: Double = 0) {
            self.up = up
            self.down = down
            self.delay = delay
        }

        mutating func add(isUp: Bool, delay new: Double) {
            guard isUp else { return down += 1 }
            up += 1
            delay += (new - delay) / Double(up)
        }
    }

    /// One result of the window.
    struct Result: Sendable, Hashable {
        /// Unix seconds.
        var time: Double
        var isUp: Bool
    }

    static let dayCount = 30
    static let windowSize = 30
    /// Seconds between two results of the window, at least.
    static let windowStep = 30.0

    /// The last is today.
    package private(set) var days = [Day](repeating: Day(), count: dayCount)
    /// When today began, Unix seconds.
    private var today: Int64
    private var window: [Result] = []
    package private(set) var status = Status.noData

    /// - Parameter today: when the day began, Unix seconds.
    package init(today: Int64) { self.today = today }

    package var currentUp: Int { window.count { $0.isUp } }
    package var currentDown: Int { window.count - currentUp }
    package var totalUp: Int64 { days.reduce(0) { $0 + $1.up } }
    package var totalDown: Int64 { days.reduce(0) { $0 + $1.down } }

    /// Moves the days on when midnight has passed.
    /// - Parameter start: when the present day began. A clock that is set back moves nothing.
    package mutating func turn(to start: Int64) {
        guard start > today else { return }
        // Days have 23 to 25 hours.
        let passed = min(Int64(Self.dayCount), max(1, (start - today + 43_200) / 86_400))
        days.removeFirst(Int(passed))
        days += [Day](repeating: Day(), count: Int(passed))
        today = start
    }

    /// Puts back what was kept of a day.
    /// - Parameter ago: 0 is today.
    package mutating func restore(_ day: Day, ago: Int) {
        guard (0..<Self.dayCount).contains(ago) else { return }
        days[Self.dayCount - 1 - ago] = day
    }

    /// The results by which the status is judged, the oldest first.
    var recent: [Result] { window }

    /// Puts back what was kept of the window, as far as it would be in there still, and judges by it.
    mutating func restore(_ results: [Result], at now: Double) {
        let length = Double(Self.windowSize) * Self.windowStep
        let young = results.filter { (0...length).contains(now - $0.time) }.sorted { $0.time < $1.time }
        window = young.suffix(Self.windowSize)
        status = judged
    }

    /// Takes one result.
    /// - Returns: the status before and after it.
    package mutating func add(isUp: Bool, delay: Double, at time: Double) -> (before: Status, after: Status) {
        days[Self.dayCount - 1].add(isUp: isUp, delay: delay)
        if window.last.map({ time - $0.time >= Self.windowStep || time < $0.time }) ?? true {
            window.append(Result(time: time, isUp: isUp))
            if window.count > Self.windowSize { window.removeFirst() }
        }
        let before = status
        status = judged
        return (before, status)
    }

    /// 0 percent of some results is down; without a result there is nothing to say.
    private var judged: Status {
        guard !window.isEmpty else { return .noData }
        let percent = currentUp * 100 / window.count
        if percent > 95 { return .good }
        return percent > 80 ? .lowAvailability : .down
    }
}

/// Puts the results of one reporter together to averages (`engines.md` 3: ICMP and TCP). Pure.
struct PingAverage: Sendable {
    private var count = 0
    private var successes = 0
    private var sum = 0.0

    /// - Returns: the average, once there are as many results as make one: of the successes alone, 0 without any.
    mutating func add(isUp: Bool, delay: Double, of wanted: Int) -> (delay: Double, isUp: Bool)? {
        count += 1
        if isUp {
            successes += 1
            sum += delay
        }
        guard count >= max(1, wanted) else { return nil }
        defer { self = PingAverage() }
        return (successes == 0 ? 0 : sum / Double(successes), successes * 2 >= count)
    }
}
