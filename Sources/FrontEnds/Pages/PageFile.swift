import CLinux
import Glibc
import Primitives

/// An open file below the top of a front end.
struct PageFile: ~Copyable, Sendable {
    /// Where a file is.
    struct Place: Sendable {
        /// The folder of the front end.
        let root: String
        /// None of them may hold a slash or lead upwards.
        let segments: [String]
    }

    let place: Place
    let size: Int
    /// Seconds since 1970.
    let modified: Int
    /// Changes with the file: a new one of the same name has another inode.
    let tag: String
    private let file: Descriptor

    private init(_ file: consuming Descriptor, _ status: linux_status, at place: Place) {
        self.place = place
        self.file = file
        size = Int(status.size)
        modified = Int(status.modified)
        let parts = [UInt64(status.inode), UInt64(bitPattern: status.modified), UInt64(bitPattern: status.size)]
        tag = parts.map { String($0, radix: 16) }.joined(separator: "-")
    }

    /// Opens a file from folder to folder, none of which may be a link. The calls block.
    /// - Returns: `nil` where there is no such file.
    static func open(_ place: Place) -> PageFile? {
        do throws(SystemCallError) {
            let file = try descriptor(place.root, place.segments)
            var status = linux_status()
            guard unsafe linux_status_of(file.raw, &status) == 0, status.mode & S_IFMT == S_IFREG else { return nil }
            return PageFile(file, status, at: place)
        } catch {
            return nil
        }
    }

    private static func descriptor(_ root: String, _ segments: [String]) throws(SystemCallError) -> Descriptor {
        let beyond = O_RDONLY | O_DIRECTORY | O_CLOEXEC
        var folder = Descriptor(owning: try retryingInterrupts { unsafe Glibc.open(root, beyond) })
        for segment in segments.dropLast() {
            let above = folder.raw
            folder = Descriptor(owning: try retryingInterrupts { unsafe openat(above, segment, beyond | O_NOFOLLOW) })
        }
        let above = folder.raw
        // A FIFO must not hold the thread up.
        let flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY
        let name = segments[segments.count - 1]
        return Descriptor(owning: try retryingInterrupts { unsafe openat(above, name, flags) })
    }

    /// At most `count` bytes from `offset` on; fewer at the end of a file that became shorter.
    func read(at offset: Int, count: Int) throws(SystemCallError) -> [UInt8] {
        let descriptor = file.raw
        var failure: SystemCallError?
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            filled = 0
            do throws(SystemCallError) {
                while filled < count {
                    let room = unsafe UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[filled...])
                    let step = try retryingInterrupts {
                        unsafe pread(descriptor, room.baseAddress, room.count, off_t(offset + filled))
                    }
                    if step == 0 { break }
                    filled += step
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}
