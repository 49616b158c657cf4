import AgentLink
import GRPC
import Logging
import Synchronization

/// The rhythm of reports over one connection (`agent-link-details.md` 1, rhythm): state, its receipt, host when it is
/// ten minutes old, sleep; and beside them, since services may be slow to answer, addresses when they are due.
struct StateReporter: Sendable {
    static let hostPeriod = Duration.seconds(600)
    /// A gateway that does not acknowledge for so long has gone, whatever TCP believes.
    static let receiptLimit = Duration.seconds(60)

    let context: AgentContext
    let link: AgentLinkClient
    let configuration: AgentConfiguration
    let bootTime: UInt64
    /// Fired to end the reports in good order.
    let stop: Signal

    /// Runs until ``stop`` fires or the stream ends.
    func run() async throws {
        let receipts = BoundedMailbox<Void>(maxCount: 4)
        try await link.withStream(.reportSystemState) { stream in
            try await withThrowingTaskGroup(of: Void.self) { group in
                defer { group.cancelAll() }
                let newRun = NewRun()
                group.addTask {
                    try await reportAddresses(newRun)
                    try await Task.sleep(for: Self.receiptLimit)
                }
                group.addTask {
                    try await report(over: stream, receipts, newRun)
                    await stream.finish()
                    // The stream has ended when the gateway says so.
                    try await Task.sleep(for: Self.receiptLimit)
                }
                group.addTask {
                    do {
                        while try await stream.next() != nil { try await receipts.send(()) }
                        receipts.finish()
                    } catch {
                        receipts.fail(error)
                        throw error
                    }
                }
                try await group.next()
            }
        }
    }

    private func reportAddresses(_ newRun: NewRun) async throws {
        await newRun.firstReceipt.wait()
        try Task.checkCancellation()
        var addresses = AddressReports(configuration: configuration, logger: context.logger)
        while !stop.isFired {
            if newRun.isUntold.exchange(false, ordering: .relaxed) { addresses.repeatReport() }
            await addresses.reportIfDue(link)
            try await pause()
        }
    }

    private func pause() async throws {
        _ = try? await withDeadline(.seconds(configuration.reportDelay)) { await stop.wait() }
        try Task.checkCancellation()
    }

    private func report(
        over stream: GRPCClientStream, _ receipts: BoundedMailbox<Void>, _ newRun: NewRun
    ) async throws {
        var host = HostReports(bootTime: bootTime)
        while !stop.isFired {
            let (metrics, configuration) = (context.metrics, configuration)
            let state = await MetricsCollector.threads.run { metrics.state(configuration) }
            try await stream.send(state.protobuf())
            let receipt = try await withDeadline(Self.receiptLimit) { try await receipts.next() != nil }
            guard receipt else { throw GRPCStatus(.unavailable, "the state stream has ended") }
            newRun.firstReceipt.fire()
            if await host.reportIfDue(context, link, configuration) { newRun.isUntold.store(true, ordering: .relaxed) }
            try await pause()
        }
    }
}

/// What the reports of addresses follow.
private final class NewRun: Sendable {
    /// Fired with the first receipt.
    let firstReceipt = Signal()
    /// Whether the gateway has started anew and was not told the addresses again.
    let isUntold = Atomic(false)
}

/// When the host was reported, and to which run of the gateway.
private struct HostReports {
    private var last: ContinuousClock.Instant?
    private var bootTime: UInt64

    init(bootTime: UInt64) {
        self.bootTime = bootTime
    }

    /// A failure is tried again at the next pass: reports alone are no reason to connect anew.
    /// - Returns: Whether the gateway has started anew since the last report.
    mutating func reportIfDue(
        _ context: AgentContext, _ link: AgentLinkClient, _ configuration: AgentConfiguration
    ) async -> Bool {
        if let last, ContinuousClock.now - last < StateReporter.hostPeriod { return false }
        let metrics = context.metrics
        let host = await MetricsCollector.threads.run { metrics.host(configuration) }
        do {
            let answer = try await link.report(host)
            last = .now
            defer { bootTime = answer }
            return answer != bootTime
        } catch {
            context.logger.debug("host report failed", metadata: ["error": "\(error)"])
            return false
        }
    }
}

/// When the public addresses were looked up and reported.
private struct AddressReports {
    private let configuration: AgentConfiguration
    private let logger: Logger
    private var lookedUp: ContinuousClock.Instant?
    private var reported: GeoIPInfo?

    init(configuration: AgentConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    mutating func repeatReport() {
        lookedUp = nil
        reported = nil
    }

    mutating func reportIfDue(_ link: AgentLinkClient) async {
        if reported != nil, let lookedUp, ContinuousClock.now - lookedUp < .seconds(configuration.ipReportPeriod) {
            return
        }
        let addresses = await PublicAddresses.look(configuration, logger: logger)
        lookedUp = .now
        guard addresses != reported else { return }
        do {
            _ = try await link.report(addresses, use6: configuration.useIPv6CountryCode)
            reported = addresses
        } catch {
            logger.debug("address report failed", metadata: ["error": "\(error)"])
        }
    }
}
