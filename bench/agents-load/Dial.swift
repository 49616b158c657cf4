import CLinux
import Glibc
import Transport

/// Begins to connect from an address of this machine. What the socket is given to send waits until it is connected.
/// - Returns: the descriptor; `nil` when the system refuses, for the reason that `errno` has.
func dial(_ target: SocketAddress, from source: SocketAddress) -> Int32? {
    let descriptor = socket(AF_INET, linux_sock_stream | linux_sock_cloexec | linux_sock_nonblock, 0)
    guard descriptor >= 0 else { return nil }
    if unsafe source.lend({ unsafe bind(descriptor, $0, $1) }) == 0,
        unsafe target.lend({ unsafe connect(descriptor, $0, $1) }) == 0 || errno == EINPROGRESS
    {
        return descriptor
    }
    let error = errno
    close(descriptor)
    errno = error
    return nil
}

extension SocketAddress {
    /// An IPv4 address as the system's calls want it.
    fileprivate func lend(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        unsafe inet_pton(AF_INET, text, &address.sin_addr)
        return unsafe withUnsafeBytes(of: &address) { bytes in
            unsafe body(bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
    }
}
