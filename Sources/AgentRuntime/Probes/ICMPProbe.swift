import AgentLink
import CLinux
import Glibc
import Primitives

/// Task 2: five echoes (`agent-link.md` 2). Uses the kernel's ping sockets, which need no rights where
/// `net.ipv4.ping_group_range` allows them, else a raw socket.
enum ICMPProbe {
    static let echoes = 5
    static let limit = Duration.seconds(20)
    static let interval = Duration.milliseconds(1000)

    /// - Returns: `nil` when the task was cancelled. Delay is the average in milliseconds.
    static func run(_ host: String) async -> AgentTaskReply? {
        let flag = CancellationFlag()
        let reply = await withTaskCancellationHandler {
            await threads.run { () -> AgentTaskReply in
                do {
                    let delays = try ping(host, isCancelled: { flag.isSet })
                    if delays.isEmpty { return AgentTaskReply(data: "pockets recv 0", successful: false) }
                    return AgentTaskReply(
                        data: "", successful: true, delay: delays.reduce(0, +) / Float(delays.count))
                } catch {
                    return AgentTaskReply(data: ProbeText.of(error), successful: false)
                }
            }
        } onCancel: {
            flag.set()
        }
        return flag.isSet ? nil : reply
    }

    /// Apart from those of files: a host that does not answer holds a thread for twenty seconds.
    private static let threads = WorkerThreads(limit: 32)

    private static func ping(_ host: String, isCancelled: () -> Bool) throws -> [Float] {
        let target = try PingTarget.resolve(host)
        let socket = try PingSocket(target)
        let end = ContinuousClock.now + limit
        var delays: [Float] = []
        for sequence in 1...echoes where ContinuousClock.now < end && !isCancelled() {
            let sent = ContinuousClock.now
            try socket.send(UInt16(sequence))
            // The last echo has the rest of the time, the others their turn.
            let wait = min(end, sequence == echoes ? sent + .seconds(5) : sent + interval)
            if let came = try socket.receive(UInt16(sequence), until: wait) {
                delays.append((came - sent).milliseconds)
            }
        }
        return delays
    }
}

/// An address to ping.
struct PingTarget: Sendable {
    var storage: sockaddr_storage
    var length: socklen_t
    var isIPv6: Bool

    /// Blocks while the name is looked up.
    static func resolve(_ host: String) throws -> PingTarget {
        var hints = unsafe addrinfo()
        unsafe hints.ai_socktype = linux_sock_datagram
        var list: UnsafeMutablePointer<addrinfo>?
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        // The system would take it up to its first zero byte.
        guard !bare.utf8.contains(0) else { throw ProbeFailure(text: "host not found") }
        let code = unsafe getaddrinfo(bare, nil, &hints, &list)
        guard code == 0, let first = unsafe list, let address = unsafe first.pointee.ai_addr else {
            throw ProbeFailure(text: "host not found")
        }
        defer { unsafe freeaddrinfo(list) }
        var target = unsafe PingTarget(
            storage: sockaddr_storage(), length: first.pointee.ai_addrlen, isIPv6: first.pointee.ai_family == AF_INET6)
        unsafe withUnsafeMutableBytes(of: &target.storage) { storage in
            unsafe storage.copyMemory(from: UnsafeRawBufferPointer(start: address, count: Int(target.length)))
        }
        return target
    }
}

/// Echo requests to one address, and their answers.
struct PingSocket: ~Copyable {
    private let socket: Descriptor
    private let isRaw: Bool
    private let isIPv6: Bool
    private let identifier = UInt16.random(in: 1...UInt16.max)

    init(_ target: PingTarget) throws(ProbeFailure) {
        let family = target.isIPv6 ? AF_INET6 : AF_INET
        let kind = Int32(target.isIPv6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)
        let flags = linux_sock_cloexec | linux_sock_nonblock
        var descriptor = Glibc.socket(family, linux_sock_datagram | flags, kind)
        let isRaw = descriptor < 0
        if isRaw { descriptor = Glibc.socket(family, linux_sock_raw | flags, kind) }
        guard descriptor >= 0 else {
            throw ProbeFailure(text: "no right to send ICMP: net.ipv4.ping_group_range or CAP_NET_RAW is needed")
        }
        let socket = Descriptor(owning: descriptor)
        var storage = target.storage
        let result = unsafe withUnsafePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, target.length)
            }
        }
        guard result == 0 else { throw ProbeFailure(text: SystemCallError.last.reason) }
        self.socket = socket
        self.isRaw = isRaw
        isIPv6 = target.isIPv6
    }

    borrowing func send(_ sequence: UInt16) throws {
        _ = try socket.write(Self.echo(isIPv6: isIPv6, identifier: identifier, sequence: sequence)[...])
    }

    /// When the answer to `sequence` came; `nil` when it did not come in time.
    borrowing func receive(_ sequence: UInt16, until end: ContinuousClock.Instant) throws -> ContinuousClock.Instant? {
        while true {
            let remaining = (end - ContinuousClock.now).wholeMilliseconds
            var polled = pollfd(fd: socket.raw, events: Int16(POLLIN), revents: 0)
            guard remaining > 0, unsafe poll(&polled, 1, Int32(clamping: remaining)) > 0 else { return nil }
            let came = ContinuousClock.now
            let packet = try socket.read(limit: 2048)
            if answers(packet, sequence) { return came }
        }
    }

    /// A ping socket delivers our answers alone and without the IP header; a raw one everybody's.
    private borrowing func answers(_ packet: [UInt8], _ sequence: UInt16) -> Bool {
        var message = packet[...]
        if isRaw, !isIPv6, let first = packet.first { message = message.dropFirst(Int(first & 0x0F) * 4) }
        let bytes = Array(message.prefix(8))
        guard bytes.count == 8, bytes[0] == (isIPv6 ? 129 : 0) else { return false }
        let id = UInt16(bytes[4]) << 8 | UInt16(bytes[5])
        return UInt16(bytes[6]) << 8 | UInt16(bytes[7]) == sequence && (!isRaw || id == identifier)
    }

    static func echo(isIPv6: Bool, identifier: UInt16, sequence: UInt16) -> [UInt8] {
        var packet: [UInt8] = [isIPv6 ? 128 : 8, 0, 0, 0]
        packet += [UInt8(identifier >> 8), UInt8(identifier & 0xFF), UInt8(sequence >> 8), UInt8(sequence & 0xFF)]
        packet += Array("nezha-agent echo".utf8)
        // The kernel makes the sum for ICMPv6 itself, since it covers the addresses too.
        if isIPv6 { return packet }
        let sum = checksum(packet)
        packet[2] = UInt8(sum >> 8)
        packet[3] = UInt8(sum & 0xFF)
        return packet
    }

    /// The Internet checksum (RFC 1071).
    static func checksum(_ bytes: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for index in stride(from: 0, to: bytes.count, by: 2) {
            sum += UInt32(bytes[index]) << 8 | UInt32(index + 1 < bytes.count ? bytes[index + 1] : 0)
        }
        while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
        return ~UInt16(sum)
    }
}
