import CLinux
import Glibc
import Primitives

/// Looks addresses up.
package enum Resolver {
    /// The system's resolver blocks for as long as it likes, half a minute if name servers are silent. A few of such
    /// names do not keep others waiting.
    private static let workers = WorkerPool<Void>(threads: 4, limit: 256) {}

    /// All addresses of a host, in the order in which the system would have them tried.
    /// - Parameters:
    ///   - host: a name, or an address without brackets.
    ///   - limit: for the look-up; it is let go then.
    package static func resolve(
        _ host: String, port: UInt16, limit: Duration
    ) async throws(ConnectError) -> [SocketAddress] {
        if let address = SocketAddress(host, port: port) { return [address] }
        typealias Answer = Result<[SocketAddress], ConnectError>
        let answer = OneShot<Answer>()
        // Unstructured, for nothing can end a look-up that has begun; it is the limit that ends the wait.
        let lookUp = Task<Void, Never> {
            let found = try? await workers.run { _ in look(host, port) }
            answer.set(found.map { $0.isEmpty ? .failure(.hostNotFound) : .success($0) } ?? .failure(.timeout))
        }
        let clock = Task<Void, Never> {
            try? await EventLoop.shared.sleep(milliseconds: limit.timerMilliseconds)
            answer.set(.failure(.timeout))
        }
        defer {
            lookUp.cancel()
            clock.cancel()
        }
        return try await answer.wait(cancelled: .failure(.cancelled)).get()
    }

    private static func look(_ host: String, _ port: UInt16) -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = linux_sock_stream
        // Besides names this takes addresses with a zone.
        var first: UnsafeMutablePointer<addrinfo>?
        guard unsafe getaddrinfo(host, String(port), &hints, &first) == 0 else { return [] }
        defer { unsafe freeaddrinfo(first) }
        var addresses: [SocketAddress] = []
        var next = unsafe first
        while let info = unsafe next {
            let bytes = unsafe UnsafeRawBufferPointer(start: info.pointee.ai_addr, count: Int(info.pointee.ai_addrlen))
            if let address = unsafe SocketAddress(bytes), !addresses.contains(address) { addresses.append(address) }
            unsafe next = info.pointee.ai_next
        }
        return addresses
    }
}
