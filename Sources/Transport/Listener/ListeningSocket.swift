import CLinux
import Glibc

/// A socket that listens. Whoever has it closes it.
struct ListeningSocket: Sendable {
    let descriptor: Int32
    let address: SocketAddress

    /// - Throws: what the last system call failed with.
    init(_ address: SocketAddress, backlog: Int32) throws(SystemError) {
        descriptor = socket(
            address.family,
            linux_sock_stream | linux_sock_cloexec | linux_sock_nonblock, 0)
        guard descriptor >= 0 else { throw .last }
        do throws(SystemError) {
            // A restart on the same port need not wait for old connections to be forgotten.
            try Self.set(SOL_SOCKET, SO_REUSEADDR, 1, on: descriptor)
            // Every address means IPv4 clients, too, whatever the system's default is.
            if address.family == AF_INET6 { try Self.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0, on: descriptor) }
            let descriptor = descriptor
            guard unsafe address.withSocketAddress({ unsafe bind(descriptor, $0, $1) }) == 0 else { throw .last }
            guard listen(descriptor, backlog) == 0 else { throw .last }
        } catch {
            Glibc.close(descriptor)
            throw error
        }
        self.address = SocketAddress.local(of: descriptor) ?? address
    }

    private static func set(
        _ level: Int32, _ option: Int32, _ value: Int32, on descriptor: Int32
    ) throws(SystemError) {
        var value = value
        guard unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
        else { throw .last }
    }

    /// What came of an attempt to accept.
    enum Accepted: Sendable, Equatable {
        case connection(Int32, SocketAddress?)
        /// Nobody waits.
        case none
        /// The connection was lost before it was accepted.
        case lost
        /// There is no descriptor or no memory for it.
        case exhausted
    }

    func accept() -> Accepted {
        var descriptor: Int32 = -1
        let peer = unsafe SocketAddress.read { address, length in
            descriptor = unsafe linux_accept(self.descriptor, address, length)
            return descriptor >= 0 ? 0 : -1
        }
        if descriptor >= 0 { return .connection(descriptor, peer) }
        switch errno {
        case EAGAIN, EWOULDBLOCK, EBADF, EINVAL, ENOTSOCK: return .none
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted
        default: return .lost
        }
    }
}
