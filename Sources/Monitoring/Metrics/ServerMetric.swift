import AgentLink
import Storage

/// The series that are kept of each server (`engines.md` 2). The raw value is the name in the API; the order is that of the
/// cells in the store and must not change.
package enum ServerMetric: String, Sendable, CaseIterable {
    /// Percent.
    case cpu
    /// Bytes used.
    case memory, swap, disk
    /// Bytes a second.
    case netInSpeed = "net_in_speed"
    case netOutSpeed = "net_out_speed"
    /// Bytes since the machine started.
    case netInTransfer = "net_in_transfer"
    case netOutTransfer = "net_out_transfer"
    case load1, load5, load15
    case tcpConnections = "tcp_conn"
    case udpConnections = "udp_conn"
    case processes = "process_count"
    /// The hottest sensor, degrees Celsius; 0 without one.
    case temperature
    /// Seconds.
    case uptime
    /// The busiest one, percent; 0 without one.
    case gpu

    /// The place among the cells of a row.
    var column: Int {
        switch self {
        case .cpu: 0
        case .memory: 1
        case .swap: 2
        case .disk: 3
        case .netInSpeed: 4
        case .netOutSpeed: 5
        case .netInTransfer: 6
        case .netOutTransfer: 7
        case .load1: 8
        case .load5: 9
        case .load15: 10
        case .tcpConnections: 11
        case .udpConnections: 12
        case .processes: 13
        case .temperature: 14
        case .uptime: 15
        case .gpu: 16
        }
    }

    /// The values of a report, by ``column``. What is no number counts as 0, so that it neither spoils an average nor a
    /// document.
    static func cells(of state: HostState) -> [Double] {
        let numbers: [UInt64] = [
            state.memUsed, state.swapUsed, state.diskUsed, state.netInSpeed, state.netOutSpeed, state.netInTransfer,
            state.netOutTransfer,
        ]
        let counts: [UInt64] = [state.tcpConnCount, state.udpConnCount, state.processCount]
        var cells = [state.cpu] + numbers.map { Double($0) }
        cells += [state.load1, state.load5, state.load15]
        cells += counts.map { Double($0) }
        cells += [state.temperatures.map(\.celsius).max() ?? 0, Double(state.uptime), state.gpu.max() ?? 0]
        return cells.map { $0.isFinite ? $0 : 0 }
    }
}

/// The series that are kept of each probe (`engines.md` 2).
enum ProbeMetric: Int, Sendable, CaseIterable {
    /// Milliseconds; 0 of a probe that failed without one.
    case delay = 0
    /// 1 for a success, 0 for a failure.
    case status = 1
}

/// How the cells of a kind of series are put together in a longer interval.
enum CellLayout {
    /// The cells of which the last one stands for an interval; of all others the mean does.
    static func keepsLast(_ kind: SeriesKind, column: Int) -> Bool {
        guard kind == .server else { return false }
        return column == ServerMetric.netInTransfer.column || column == ServerMetric.netOutTransfer.column
            || column == ServerMetric.uptime.column
    }

    static func width(_ kind: SeriesKind) -> Int {
        switch kind {
        case .server: ServerMetric.allCases.count
        case .probe: ProbeMetric.allCases.count
        }
    }
}
