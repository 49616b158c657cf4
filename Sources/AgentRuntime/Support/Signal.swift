import AgentLink

/// Something that happens once, and may be waited for by many.
final class Signal: Sendable {
    private let promise = Promise<Void>()

    var isFired: Bool { promise.isResolved }

    func fire() {
        promise.resolve(.success(()))
    }

    /// Returns when it has fired or the waiting task is cancelled.
    func wait() async {
        try? await promise.value()
    }
}
