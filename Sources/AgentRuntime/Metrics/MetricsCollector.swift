import AgentLink
import Logging
import Synchronization

/// Makes the reports of the machine. Percentages and speeds are those since the previous measurement, so one
/// collector lives as long as the agent.
///
/// Its calls wait for the system, but not longer than ``PatientReader`` does: run them on ``threads``.
final class MetricsCollector: Sendable {
    private struct Previous {
        var cpu: CPUTimes?
        var network: NetworkCounters?
        var time: ContinuousClock.Instant?
    }

    private let reader: PatientReader
    private let previous = Mutex(Previous())

    /// Apart from those of files, which somebody may have sent to a mount that hangs.
    static let threads = WorkerThreads(limit: 2)

    /// - Parameter logger: told who does not answer.
    init(reader: any SystemReader = LinuxSystemReader(), logger: Logger? = nil) {
        self.reader = PatientReader(reader, logger: logger)
    }

    /// The host report (`agent-link.md` 1, message `Host`).
    func host(_ configuration: AgentConfiguration) -> HostInfo {
        reader.beginMeasurement()
        return Self.host(reader, configuration)
    }

    /// The state report (`agent-link.md` 1, message `State`). The first one has no speeds yet.
    func state(_ configuration: AgentConfiguration, now: ContinuousClock.Instant = .now) -> HostState {
        reader.beginMeasurement()
        var state = Self.steadyState(reader, configuration)
        let cpu = CPUTimes(stat: reader.text("/proc/stat") ?? "")
        let network = NetworkCounters(
            netDev: reader.text("/proc/net/dev") ?? "", allowlist: configuration.nicAllowlist)
        state.netInTransfer = network.received
        state.netOutTransfer = network.sent
        previous.withLock { previous in
            if let cpu, let earlier = previous.cpu { state.cpu = cpu.percent(since: earlier) }
            if let earlier = previous.network, let time = previous.time {
                let elapsed = now - time
                let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
                let speed = network.speed(since: earlier, seconds: seconds)
                state.netInSpeed = speed.received
                state.netOutSpeed = speed.sent
            }
            previous = Previous(cpu: cpu ?? previous.cpu, network: network, time: now)
        }
        return state
    }

    private static func host(_ reader: some SystemReader, _ configuration: AgentConfiguration) -> HostInfo {
        let system = OperatingSystem(
            osRelease: reader.text("/etc/os-release") ?? reader.text("/usr/lib/os-release") ?? "",
            debianVersion: reader.text("/etc/debian_version"))
        let processors = Processors(
            cpuinfo: reader.text("/proc/cpuinfo") ?? "", architecture: reader.architecture)
        let virtualization = Virtualization.detect(reader, isVirtualProcessor: processors.isVirtual)
        let memory = MemoryInfo(meminfo: reader.text("/proc/meminfo") ?? "")
        return HostInfo(
            platform: system.platform, platformVersion: system.version,
            cpu: processors.descriptions(isGuest: !virtualization.isEmpty), memTotal: memory.total,
            diskTotal: disk(reader, configuration).total, swapTotal: memory.swapTotal, arch: reader.architecture,
            virtualization: virtualization, bootTime: CPUTimes.bootTime(stat: reader.text("/proc/stat") ?? "") ?? 0,
            version: AgentVersion.current, gpu: configuration.gpu ? Sensors.graphics(reader) : [])
    }

    /// All that needs no earlier measurement.
    private static func steadyState(_ reader: some SystemReader, _ configuration: AgentConfiguration) -> HostState {
        var state = HostState()
        let memory = MemoryInfo(meminfo: reader.text("/proc/meminfo") ?? "")
        state.memUsed = memory.used
        state.swapUsed = memory.swapUsed
        state.diskUsed = disk(reader, configuration).used
        let uptime = reader.text("/proc/uptime")?.words.first.flatMap { Double($0) } ?? 0
        state.uptime = UInt64(max(0, min(uptime, 1e15)))
        let load = LoadAverage(loadavg: reader.text("/proc/loadavg") ?? "")
        (state.load1, state.load5, state.load15) = (load.one, load.five, load.fifteen)
        if !configuration.skipConnectionCount {
            let sockets = SocketCounts(
                sockstat: reader.text("/proc/net/sockstat") ?? "", sockstat6: reader.text("/proc/net/sockstat6") ?? "")
            (state.tcpConnCount, state.udpConnCount) = (sockets.tcp, sockets.udp)
        }
        if !configuration.skipProcsCount {
            state.processCount = UInt64(reader.names(in: "/proc").count { $0.utf8.allSatisfy { 48...57 ~= $0 } })
        }
        if configuration.temperature { state.temperatures = Sensors.temperatures(reader) }
        if configuration.gpu { state.gpu = Sensors.graphicsLoad(reader) }
        return state
    }

    private static func disk(_ reader: some SystemReader, _ configuration: AgentConfiguration) -> DiskSpace {
        let allowed = configuration.hardDrivePartitionAllowlist
        let points = allowed.isEmpty ? MountPoints.disks(mounts: reader.text("/proc/self/mounts") ?? "") : allowed
        let spaces = points.compactMap(reader.disk)
        let sum = spaces.reduce(DiskSpace(total: 0, used: 0)) {
            DiskSpace(total: $0.total &+ $1.total, used: $0.used &+ $1.used)
        }
        // A container sees no device of its own; its root is the disk it has.
        return sum.total > 0 ? sum : reader.disk(at: "/") ?? sum
    }
}
