package import AgentLink
package import Storage

import struct FoundationEssentials.Date

/// What a condition looks at (`engines.md` 4).
enum AlertMeasure: String, Sendable, CaseIterable {
    case cpu
    case gpu = "gpu_max"
    case memory
    case swap
    case disk
    case netInSpeed = "net_in_speed"
    case netOutSpeed = "net_out_speed"
    case netAllSpeed = "net_all_speed"
    case transferIn = "transfer_in"
    case transferOut = "transfer_out"
    case transferAll = "transfer_all"
    case transferInCycle = "transfer_in_cycle"
    case transferOutCycle = "transfer_out_cycle"
    case transferAllCycle = "transfer_all_cycle"
    case offline
    case load1
    case load5
    case load15
    case tcpConnections = "tcp_conn_count"
    case udpConnections = "udp_conn_count"
    case processes = "process_count"
    case temperature = "temperature_max"

    /// The value now; `nil` where there is none, which passes. `offline` and cycles are not read here.
    func value(_ state: HostState, _ host: HostInfo?) -> Double? {
        func percent(_ used: UInt64, _ total: UInt64?) -> Double {
            guard let total, total > 0 else { return 0 }
            return Double(used) / Double(total) * 100
        }
        switch self {
        case .cpu: return state.cpu
        case .gpu: return state.gpu.max()
        case .memory: return percent(state.memUsed, host?.memTotal)
        case .swap: return percent(state.swapUsed, host?.swapTotal)
        case .disk: return percent(state.diskUsed, host?.diskTotal)
        case .netInSpeed: return Double(state.netInSpeed)
        case .netOutSpeed: return Double(state.netOutSpeed)
        case .netAllSpeed: return Double(state.netInSpeed) + Double(state.netOutSpeed)
        case .transferIn: return Double(state.netInTransfer)
        case .transferOut: return Double(state.netOutTransfer)
        case .transferAll: return Double(state.netInTransfer) + Double(state.netOutTransfer)
        case .load1: return state.load1
        case .load5: return state.load5
        case .load15: return state.load15
        case .tcpConnections: return Double(state.tcpConnCount)
        case .udpConnections: return Double(state.udpConnCount)
        case .processes: return Double(state.processCount)
        case .temperature: return state.temperatures.map(\.celsius).filter { $0 != 0 }.max()
        case .offline, .transferInCycle, .transferOutCycle, .transferAllCycle: return nil
        }
    }

    var isCycle: Bool { self == .transferInCycle || self == .transferOutCycle || self == .transferAllCycle }
}

/// One server as an evaluation sees it.
package struct AlertReading: Sendable {
    package var server: ServerRecord
    package var presence: AgentPresence?

    package init(server: ServerRecord, presence: AgentPresence?) {
        self.server = server
        self.presence = presence
    }
}

/// What one evaluation looks at, by position of the server: each measure is read once, however many rules ask.
struct AlertColumns {
    /// Unix seconds.
    let time: Double
    private let readings: [AlertReading]
    private var values: [AlertMeasure: [Double]] = [:]
    private var reached: [Int64: [Bool]] = [:]

    init(_ readings: [AlertReading], at time: Double) {
        (self.readings, self.time) = (readings, time)
    }

    /// Values of now; not a number where there is none. Of `offline` the seconds since the last report. None of cycles.
    mutating func values(of measure: AlertMeasure) -> [Double] {
        if let known = values[measure] { return known }
        let made: [Double] =
            if measure.isCycle {
                []
            } else if measure == .offline {
                readings.map { reading in
                    reading.presence?.lastActive.map { time - $0.timeIntervalSince1970 } ?? .infinity
                }
            } else {
                readings.map { reading in
                    reading.presence?.state.flatMap { measure.value($0, reading.presence?.host) } ?? .nan
                }
            }
        values[measure] = made
        return made
    }

    /// Which servers the rules of an owner look at.
    mutating func reached(by owner: Int64, _ isAdministrator: (Int64) -> Bool) -> [Bool] {
        if let known = reached[owner] { return known }
        // Asked once for all servers: it locks.
        let seesAll = isAdministrator(owner)
        let made = readings.map { $0.server.isReached(byOwner: owner) { _ in seesAll } }
        reached[owner] = made
        return made
    }
}

/// When a condition fails, and when it fires.
struct AlertLimits: Sendable {
    let measure: AlertMeasure
    let max: Double
    let min: Double
    /// Samples that are looked at.
    let duration: Int

    func isOutside(_ value: Double) -> Bool { (max > 0 && value > max) || (min > 0 && value < min) }

    /// - Parameter isGrace: nobody counts as offline yet.
    func fails(_ value: Double, isGrace: Bool) -> Bool {
        measure == .offline ? !isGrace && value > AlertEvaluator.silence : isOutside(value)
    }
}

/// One condition, ready to be looked at.
struct PreparedCondition: Sendable {
    let limits: AlertLimits
    let cycle: CycleBounds?
    private let marked: [Int64: Bool]
    private let coversMarked: Bool

    /// Samples that a window holds at most.
    static let longestDuration = Int(AlertCondition.longestDuration)

    /// - Returns: `nil` for one that can never say anything: of an unknown kind, or from an old row without a duration.
    init?(_ form: AlertCondition) {
        guard let measure = AlertMeasure(exactly: form.type) else { return nil }
        let duration: Int
        if measure.isCycle {
            guard let bounds = CycleBounds(start: form.cycleStart, every: form.cycleInterval, unit: form.cycleUnit)
            else { return nil }
            cycle = bounds
            duration = 1
        } else {
            guard form.duration > 0 else { return nil }
            cycle = nil
            duration = Int(Swift.min(form.duration, Int64(Self.longestDuration)))
        }
        limits = AlertLimits(measure: measure, max: form.max, min: form.min, duration: duration)
        marked = form.ignore.values
        coversMarked = form.cover == 1
    }

    func covers(_ server: Int64) -> Bool { (marked[server] ?? false) == coversMarked }
}

/// The last samples of one condition on one server: which of them failed.
struct FailWindow: Sendable {
    /// The first 64 samples, and those after them; most windows have no more. The memory of others grows with the samples.
    private var word: UInt64 = 0
    private var words: [UInt64] = []
    private let size: Int
    private var position = 0
    private(set) var count = 0
    private(set) var fails = 0
    private(set) var lastFails = false

    init(size: Int) {
        self.size = Swift.max(1, size)
    }

    mutating func add(_ isFailing: Bool) {
        let bit = UInt64(1) << UInt64(position & 63)
        let index = position >> 6
        if index > words.count { words.append(0) }
        let hadFailed = (index == 0 ? word : words[index - 1]) & bit != 0
        if count == size { fails -= hadFailed ? 1 : 0 } else { count += 1 }
        fails += isFailing ? 1 : 0
        if hadFailed != isFailing {
            if index == 0 { word ^= bit } else { words[index - 1] ^= bit }
        }
        position = position + 1 == size ? 0 : position + 1
        lastFails = isFailing
    }

    /// Whether the window is full and enough of it fails.
    func fires(_ measure: AlertMeasure) -> Bool {
        if measure.isCycle { return lastFails }
        guard count == size else { return false }
        return measure == .offline ? fails == size : fails * 10 > size * 7
    }
}
