import CLinux
import Glibc
import Primitives

/// Writes over a file that cannot be replaced: what is mounted by itself (a single file in a container) answers EBUSY to
/// a rename. Room on the disk is made sure of before the first byte, since the old content does not come back.
enum InPlace {
    /// - Parameters:
    ///   - source: a descriptor that can be read, all of it.
    ///   - mode: new permissions; without it they stay.
    static func write(
        from source: Int32, to name: UnsafePointer<CChar>, in directory: Int32, mode: mode_t?
    ) throws(SystemCallError) {
        let flags = O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
        let target = Descriptor(owning: try retryingInterrupts { unsafe openat(directory, name, flags) })
        let raw = target.raw
        guard try FileStatus(of: target).kind == .file else { throw SystemCallError(code: ENXIO) }
        let size = try retryingInterrupts { lseek(source, 0, SEEK_END) }
        if size > 0 {
            // File systems that cannot promise room say so; then it is tried without.
            let refusal = posix_fallocate(raw, 0, size)
            if refusal == ENOSPC || refusal == EDQUOT || refusal == EFBIG { throw SystemCallError(code: refusal) }
        }
        try retryingInterrupts { lseek(source, 0, SEEK_SET) }
        var piece = [UInt8](repeating: 0, count: 1 << 18)
        while true {
            let count = try retryingInterrupts { unsafe read(source, &piece, piece.count) }
            if count == 0 { break }
            try target.writeAll(Array(piece.prefix(count)))
        }
        try retryingInterrupts { ftruncate(raw, size) }
        if let mode { try retryingInterrupts { fchmod(raw, mode) } }
        try target.sync()
    }
}
