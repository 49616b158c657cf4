import Glibc
import Primitives

/// Wakes a thread that waits in `poll`. Sending never blocks, and is harmless when nobody waits any more.
final class WakePipe: Sendable {
    private let reader: Descriptor
    private let writer: Descriptor

    init() throws(SystemCallError) {
        let ends = try Descriptor.pipe()
        reader = Descriptor(owning: ends.reader)
        writer = Descriptor(owning: ends.writer)
        reader.setNonBlocking()
        writer.setNonBlocking()
    }

    /// To be polled for input.
    var descriptor: Int32 { reader.raw }

    /// A full pipe is as good as one more byte.
    func wake() {
        _ = try? writer.write([1])
    }

    /// Whether ``wake()`` was called since the pipe was made.
    var isWoken: Bool {
        var polled = pollfd(fd: reader.raw, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&polled, 1, 0) > 0
    }
}
