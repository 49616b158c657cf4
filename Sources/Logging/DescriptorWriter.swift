import Glibc

/// Writes to a descriptor that may belong to anything.
enum DescriptorWriter {
    /// Writes all of `bytes`, waiting for a reader as long as it takes. Returns how many were written: less only when
    /// the descriptor is closed, its reader gone, or its disk full.
    static func write(_ bytes: [UInt8], to descriptor: Int32) -> Int {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.write(descriptor, bytes.baseAddress.map { unsafe $0 + written }, bytes.count - written)
            }
            if count > 0 {
                written += count
                continue
            }
            if count == 0 { return written }
            switch errno {
            case EINTR: continue
            case EAGAIN: if !waitUntilWritable(descriptor) { return written }
            default: return written
            }
        }
        return written
    }

    private static func waitUntilWritable(_ descriptor: Int32) -> Bool {
        var interest = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        let ready = unsafe poll(&interest, 1, -1)
        return ready > 0 && interest.revents & Int16(POLLNVAL) == 0 || ready < 0 && errno == EINTR
    }
}
