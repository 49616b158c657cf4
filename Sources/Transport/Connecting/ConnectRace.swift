import Glibc

/// Tries the addresses of a host one after another, each with a head start to the next; the first that answers wins.
final class ConnectRace {
    /// Milliseconds (RFC 8305, 5).
    private static let headStart: UInt64 = 250

    private var rest: ArraySlice<SocketAddress>
    private var attempts: [ObjectIdentifier: ConnectAttempt] = [:]
    private var timer: EventLoop.Timer?
    private var lastError = SystemError(code: EHOSTUNREACH)
    private var whenOver: ((Result<Int32, SystemError>) -> Void)?

    /// - Parameter whenOver: gets a connected descriptor, which is its to close, or the last error; once, unless
    ///   ``cancel(on:)`` was called before.
    init(_ addresses: [SocketAddress], whenOver: @escaping (Result<Int32, SystemError>) -> Void) {
        rest = Self.interleaved(addresses)[...]
        self.whenOver = whenOver
    }

    /// The families take turns, so that one whose network is broken costs one head start only.
    static func interleaved(_ addresses: [SocketAddress]) -> [SocketAddress] {
        guard let first = addresses.first else { return [] }
        let same = addresses.filter { $0.family == first.family }
        let other = addresses.filter { $0.family != first.family }
        return (0..<max(same.count, other.count)).flatMap { index in
            [same, other].compactMap { $0.indices.contains(index) ? $0[index] : nil }
        }
    }

    func tryNext(on loop: isolated EventLoop) {
        if let timer { loop.cancel(timer) }
        timer = nil
        while let address = rest.popFirst() {
            do throws(SystemError) {
                try start(address, on: loop)
                if !rest.isEmpty {
                    timer = loop.schedule(after: Self.headStart) { [weak self] in self?.tryNext(on: loop) }
                }
                return
            } catch {
                lastError = error
            }
        }
        if attempts.isEmpty { end(with: .failure(lastError), on: loop) }
    }

    private func start(_ address: SocketAddress, on loop: isolated EventLoop) throws(SystemError) {
        final class Box { weak var attempt: ConnectAttempt? }
        let box = Box()
        let attempt = try ConnectAttempt(address, on: loop) { [weak self] result in
            guard let self, let attempt = box.attempt else {
                if case .success(let descriptor) = result { Glibc.close(descriptor) }
                return
            }
            attempts[ObjectIdentifier(attempt)] = nil
            switch result {
            case .success: end(with: result, on: loop)
            case .failure(let error):
                lastError = error
                tryNext(on: loop)
            }
        }
        box.attempt = attempt
        attempts[ObjectIdentifier(attempt)] = attempt
    }

    func cancel(on loop: isolated EventLoop) {
        whenOver = nil
        stop(on: loop)
    }

    private func end(with result: Result<Int32, SystemError>, on loop: isolated EventLoop) {
        stop(on: loop)
        let whenOver = whenOver
        self.whenOver = nil
        whenOver?(result)
    }

    private func stop(on loop: isolated EventLoop) {
        if let timer { loop.cancel(timer) }
        timer = nil
        rest = []
        let open = attempts.values
        attempts = [:]
        for attempt in open { attempt.cancel(on: loop) }
    }
}
