import Synchronization

/// What the link dropped or refused since the start, and the numbers of reports. All but the latter are rare, so that
/// agents share no hot spot.
package final class AgentLinkCounters: Sendable {
    /// A moment's values.
    package struct Snapshot: Sendable, Hashable {
        /// Results for a call that is over: late, or a second one.
        package var lateResults: UInt64
        /// Results for tasks that were never sent to this agent on this stream.
        package var unknownResults: UInt64
        /// Results whose type is not that of their task.
        package var mistypedResults: UInt64
        /// Calls without a usable identity.
        package var refusedCalls: UInt64
        /// IOStreams whose first frame named no stream of this agent.
        package var refusedAttachments: UInt64
        /// Streams that a newer one of the same agent replaced.
        package var supersededStreams: UInt64
    }

    private let lateResults = Atomic<UInt64>(0)
    private let unknownResults = Atomic<UInt64>(0)
    private let mistypedResults = Atomic<UInt64>(0)
    private let refusedCalls = Atomic<UInt64>(0)
    private let refusedAttachments = Atomic<UInt64>(0)
    private let supersededStreams = Atomic<UInt64>(0)
    private let reports = Atomic<UInt64>(0)

    enum Event {
        case lateResult
        case unknownResult
        case mistypedResult
        case refusedCall
        case refusedAttachment
        case supersededStream
    }

    func count(_ event: Event) {
        switch event {
        case .lateResult: lateResults.add(1, ordering: .relaxed)
        case .unknownResult: unknownResults.add(1, ordering: .relaxed)
        case .mistypedResult: mistypedResults.add(1, ordering: .relaxed)
        case .refusedCall: refusedCalls.add(1, ordering: .relaxed)
        case .refusedAttachment: refusedAttachments.add(1, ordering: .relaxed)
        case .supersededStream: supersededStreams.add(1, ordering: .relaxed)
        }
    }

    /// A number for what is known of an agent from now on, which nothing else that was or will be known has; never 0.
    func nextReport() -> UInt64 { reports.add(1, ordering: .relaxed).newValue }

    package var snapshot: Snapshot {
        Snapshot(
            lateResults: lateResults.load(ordering: .relaxed),
            unknownResults: unknownResults.load(ordering: .relaxed),
            mistypedResults: mistypedResults.load(ordering: .relaxed),
            refusedCalls: refusedCalls.load(ordering: .relaxed),
            refusedAttachments: refusedAttachments.load(ordering: .relaxed),
            supersededStreams: supersededStreams.load(ordering: .relaxed))
    }
}
