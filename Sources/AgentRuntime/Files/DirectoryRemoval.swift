import Glibc
import Primitives

/// Removes a name and what is below it. Links are removed, never followed; what is mounted below stays, and ends it.
///
/// However deep the tree is, two descriptors are open: it goes down by names and up by `..`, and makes sure that it came
/// back to where it was.
struct DirectoryRemoval: ~Copyable {
    /// A folder on the way down.
    private struct Level {
        let name: [CChar]
        let identity: FileStatus.Identity
        /// Names that come while we remove are found by another look; a folder that keeps growing is given up.
        var looks = 0
    }

    private static let maxLooks = 100

    private let isCancelled: () -> Bool
    private let root = unsafe FileStatus.following("/")?.identity
    private var levels: [Level] = []
    private var current: Descriptor
    private var count = 0

    /// - Parameter path: absolute, or from the folder that the process is in.
    /// - Returns: How many names were removed, the path included; 0 when there was none.
    static func remove(_ path: [CChar], isCancelled: @escaping () -> Bool) throws(SystemCallError) -> Int {
        if try removeLeaf(path, in: AT_FDCWD) { return 1 }
        let top: Descriptor
        do throws(SystemCallError) {
            top = try open(path, in: AT_FDCWD)
        } catch  where error.code == ENOENT {
            return 0
        }
        var removal = DirectoryRemoval(top, isCancelled)
        try removal.enter(path)
        return try removal.run(path)
    }

    /// A file, a link or an empty folder.
    /// - Returns: `false` for a folder that is not empty, or when there is nothing.
    private static func removeLeaf(_ name: [CChar], in directory: Int32) throws(SystemCallError) -> Bool {
        if unsafe unlinkat(directory, name, 0) == 0 { return true }
        switch errno {
        case ENOENT: return false
        // Linux answers EISDIR for a directory; EPERM is what POSIX and some file systems say.
        case EISDIR, EPERM: break
        default: throw .last
        }
        let failure = SystemCallError.last
        guard try unsafe FileStatus(name, in: directory).kind == .directory else { throw failure }
        if unsafe unlinkat(directory, name, AT_REMOVEDIR) == 0 { return true }
        switch errno {
        case ENOENT, ENOTEMPTY, EEXIST: return false
        default: throw .last
        }
    }

    private init(_ top: consuming Descriptor, _ isCancelled: @escaping () -> Bool) {
        self.isCancelled = isCancelled
        current = top
    }

    private static func open(_ name: [CChar], in directory: Int32) throws(SystemCallError) -> Descriptor {
        let flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        return Descriptor(owning: try retryingInterrupts { unsafe openat(directory, name, flags) })
    }

    /// Notes that ``current`` is the folder `name` of the one before.
    private mutating func enter(_ name: [CChar]) throws(SystemCallError) {
        let identity = try FileStatus(of: current).identity
        // The root may be mounted anywhere.
        if identity == root { throw SystemCallError(code: EBUSY) }
        levels.append(Level(name: name, identity: identity))
    }

    private mutating func run(_ path: [CChar]) throws(SystemCallError) -> Int {
        while true {
            if let child = try removeLeaves() {
                current = try Self.open(child, in: current.raw)
                try enter(child)
            } else if levels.count == 1 {
                if try leave(path, in: AT_FDCWD) { return count }
            } else {
                try goUp()
            }
        }
    }

    /// Removes what is in ``current``, but for the first folder that is not empty.
    /// - Returns: Its name.
    private mutating func removeLeaves() throws(SystemCallError) -> [CChar]? {
        let raw = current.raw
        // A descriptor of its own: closedir closes the one it was given.
        let copy = try retryingInterrupts { unsafe openat(raw, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) }
        guard let stream = unsafe fdopendir(copy) else {
            let failure = SystemCallError.last
            close(copy)
            throw failure
        }
        defer { unsafe closedir(stream) }
        while let entry = unsafe readdir(stream) {
            let name = unsafe EntryName(entry)
            if name.isSelfOrParent { continue }
            if isCancelled() { throw SystemCallError(code: ECANCELED) }
            if try Self.removeLeaf(name.cString, in: raw) {
                count += 1
            } else if (try? unsafe FileStatus(name.cString, in: raw)) != nil {
                return name.cString
            }
        }
        return nil
    }

    /// Back to the folder above, and removes the one it came from.
    private mutating func goUp() throws(SystemCallError) {
        let above = try Self.open([0x2E, 0x2E, 0], in: current.raw)
        // Moved meanwhile: what is above now is nothing that we were asked to touch.
        guard try FileStatus(of: above).identity == levels[levels.count - 2].identity else {
            throw SystemCallError(code: ESTALE)
        }
        let name = levels[levels.count - 1].name
        if try leave(name, in: above.raw) { current = above }
    }

    /// Removes the emptied folder.
    /// - Returns: `false` when names came meanwhile, so that another look is needed.
    private mutating func leave(_ name: [CChar], in directory: Int32) throws(SystemCallError) -> Bool {
        let last = levels.count - 1
        do throws(SystemCallError) {
            try retryingInterrupts { unsafe unlinkat(directory, name, AT_REMOVEDIR) }
        } catch  where error.code == ENOTEMPTY || error.code == EEXIST {
            levels[last].looks += 1
            if levels[last].looks > Self.maxLooks { throw error }
            return false
        }
        count += 1
        levels.removeLast()
        return true
    }
}
