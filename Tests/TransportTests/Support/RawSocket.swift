import CLinux
import Glibc
import Testing

@testable import Transport

/// A socket in the hands of a test, which does with it what well-behaved clients do not. It never blocks.
final class RawSocket: Sendable {
    let descriptor: Int32
    private let isOpen = Lock(true)

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close() }

    /// Connected to a port of this machine.
    /// - Parameter source: the address that it has itself.
    convenience init(port: Int, address: String = "127.0.0.1", from source: String? = nil) async throws {
        let target = try #require(SocketAddress(address, port: UInt16(port)))
        self.init(socket(target.family, linux_sock_stream | linux_sock_cloexec, 0))
        let descriptor = descriptor
        if let source = source.flatMap({ SocketAddress($0, port: 0) }) {
            try #require(unsafe source.withSocketAddress { unsafe bind(descriptor, $0, $1) } == 0)
        }
        _ = unsafe target.withSocketAddress { unsafe connect(descriptor, $0, $1) }
        var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        for _ in 0..<5000 where unsafe Glibc.poll(&poll, 1, 0) == 0 { try await Task.sleep(for: .milliseconds(1)) }
        if poll.revents & Int16(POLLERR) != 0 { throw SystemError(code: ECONNREFUSED) }
    }

    /// Two that are connected with each other.
    static func pair() -> (RawSocket, Int32) {
        var ends: [Int32] = [0, 0]
        unsafe socketpair(AF_UNIX, linux_sock_stream, 0, &ends)
        return (RawSocket(ends[0]), ends[1])
    }

    /// How many of the bytes the system takes now.
    @discardableResult
    func send(_ bytes: some Collection<UInt8>) -> Int {
        let bytes = Array(bytes)
        return max(0, unsafe Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)))
    }

    func sendAll(_ bytes: [UInt8]) async throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(send(rest))
            if !rest.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
        }
    }

    enum Received: Equatable {
        case bytes([UInt8])
        case end
        case failed(Int32)
    }

    /// What comes next, up to 64 KiB.
    func receive() async throws -> Received {
        while true {
            var buffer = [UInt8](repeating: 0, count: 65536)
            let count = unsafe recv(descriptor, &buffer, buffer.count, 0)
            if count > 0 { return .bytes(Array(buffer.prefix(count))) }
            if count == 0 { return .end }
            guard errno == EAGAIN else { return .failed(errno) }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    /// All bytes up to the end.
    func receiveAll() async throws -> [UInt8] {
        var all: [UInt8] = []
        while case .bytes(let bytes) = try await receive() { all += bytes }
        return all
    }

    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    func close() {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        if wasOpen { Glibc.close(descriptor) }
    }
}
