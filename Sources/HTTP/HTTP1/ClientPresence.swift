/// Notices that the client of an HTTP/1 connection has gone while it is being answered, so that the work done for it
/// can be given up.
///
/// A closed or reset connection is plain. A client that only ended its sending side may be waiting for the answer
/// (`printf … | nc`) or may have closed altogether: both look alike until something is written. It gets its answer if
/// one begins within the grace; while one is being written it counts as present, as writing finds out by itself.
struct ClientPresence: Sendable {
    enum Event: Sendable {
        case requestRead
        case responsePartWritten
        case responseEnded
        case inputEnded
        /// - Parameter isWritable: whether the client takes what is written to it.
        case graceOver(isWritable: Bool)
        case connectionEnded
    }

    enum Action: Sendable, Equatable {
        case none
        case startGrace
        case declareGone
    }

    private(set) var requestsOpen = 0
    private(set) var inputHasEnded = false
    private var wroteInGrace = false
    private var isGone = false

    mutating func handle(_ event: Event) -> Action {
        guard !isGone else { return .none }
        switch event {
        case .requestRead:
            requestsOpen += 1
        case .responsePartWritten:
            wroteInGrace = true
        case .responseEnded:
            requestsOpen -= 1
            wroteInGrace = true
        case .inputEnded:
            guard !inputHasEnded else { return .none }
            inputHasEnded = true
            wroteInGrace = false
            return .startGrace
        case .graceOver(let isWritable):
            guard requestsOpen > 0, !wroteInGrace, isWritable else {
                wroteInGrace = false
                return requestsOpen > 0 ? .startGrace : .none
            }
            isGone = true
            return .declareGone
        case .connectionEnded:
            isGone = true
            return .declareGone
        }
        return .none
    }
}
