import CLinux
import Glibc

/// An open file descriptor with one owner; it is closed when the owner goes.
package struct Descriptor: ~Copyable, Sendable {
    package let raw: Int32

    /// Takes ownership.
    package init(owning raw: Int32) {
        self.raw = raw
    }

    deinit {
        close(raw)
    }

    /// A pipe whose ends close on exec, so that no child started meanwhile keeps them. The caller owns both.
    package static func pipe() throws(SystemCallError) -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        try retryingInterrupts { unsafe linux_pipe(&ends, 0) }
        return (ends[0], ends[1])
    }

    /// The other end of a pipe may belong to a child, which is not to see this.
    package func setNonBlocking() {
        _ = fcntl(raw, F_SETFL, fcntl(raw, F_GETFL) | O_NONBLOCK)
    }

    /// At most `limit` bytes; empty at the end.
    package func read(limit: Int) throws(SystemCallError) -> [UInt8] { try Self.read(raw, limit: limit) }

    /// As ``read(limit:)``, from a descriptor that the caller holds otherwise.
    package static func read(_ descriptor: Int32, limit: Int) throws(SystemCallError) -> [UInt8] {
        var failure: SystemCallError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            count = 0
            do throws(SystemCallError) {
                count = try retryingInterrupts { unsafe Glibc.read(descriptor, buffer.baseAddress, limit) }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Reads into `room`.
    /// - Returns: How many bytes; 0 at the end.
    package func read(into room: UnsafeMutableRawBufferPointer) throws(SystemCallError) -> Int {
        let descriptor = raw
        return try retryingInterrupts { unsafe Glibc.read(descriptor, room.baseAddress, room.count) }
    }

    /// Writes some of `bytes`.
    /// - Returns: How many.
    package func write(_ bytes: ArraySlice<UInt8>) throws(SystemCallError) -> Int {
        let descriptor = raw
        // The library's function does not know typed errors, so the outcome is carried out of it.
        let outcome = unsafe bytes.withUnsafeBytes { buffer in
            Result { () throws(SystemCallError) in
                try retryingInterrupts { unsafe Glibc.write(descriptor, buffer.baseAddress, buffer.count) }
            }
        }
        return try outcome.get()
    }

    /// Another descriptor of the same open file.
    package func duplicate() throws(SystemCallError) -> Descriptor {
        let descriptor = raw
        return Descriptor(owning: try retryingInterrupts { fcntl(descriptor, F_DUPFD_CLOEXEC, 0) })
    }

    /// Waits until the file, or what a folder holds, is on the disk.
    ///
    /// A call of `fsync` with ``raw`` would not keep a descriptor open that nobody else holds.
    package func sync() throws(SystemCallError) {
        let descriptor = raw
        try retryingInterrupts { fsync(descriptor) }
    }

    /// Writes all of `bytes`; for files.
    package func writeAll(_ bytes: [UInt8]) throws(SystemCallError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            rest = rest.dropFirst(try write(rest))
        }
    }
}
