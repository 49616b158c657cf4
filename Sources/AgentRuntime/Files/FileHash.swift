import Glibc
import Primitives
import Secrets

/// SHA-256 of the file at a path, for preconditions.
enum FileHash {
    /// Lower-case hexadecimal digits of the regular file's contents.
    /// - Parameter isCancelled: asked between pieces.
    /// - Returns: `nil` for a file of the kernel with more than ``UnsizedFile/maxContent``: some have no end.
    static func sha256(of path: TargetPath, isCancelled: () -> Bool) throws(FileTaskError) -> String? {
        let file = try SafeOpen.regularFile(path.cString)
        var stream = SHA256Stream()
        do throws(SystemCallError) {
            var room = UnsizedFile.isSuspect(try FileStatus(of: file).size) ? UnsizedFile.maxContent : .max
            while true {
                if isCancelled() { throw SystemCallError(code: ECANCELED) }
                let piece = try file.read(limit: 1 << 18)
                if piece.isEmpty { break }
                room -= piece.count
                if room < 0 { return nil }
                stream.update(piece)
            }
        } catch {
            throw .system(error)
        }
        return Hex.encode(stream.finish())
    }

    /// Checks `if_match_sha256` as agents do: literally, so upper case never matches. Call it under the path's lock.
    static func checkPrecondition(
        _ expected: String, _ path: TargetPath, isCancelled: () -> Bool
    ) throws(FileTaskError) {
        if expected.isEmpty { return }
        let status: FileStatus
        do {
            status = try unsafe FileStatus(path.cString)
        } catch {
            throw error.code == ENOENT ? .preconditionMissing : .system(error)
        }
        guard status.kind == .file else { throw .preconditionNotRegular }
        let actual: String?
        do {
            actual = try sha256(of: path, isCancelled: isCancelled)
        } catch .notRegularFile {
            throw .preconditionNotRegular
        } catch {
            throw error
        }
        guard let actual, actual.utf8.elementsEqual(expected.utf8) else { throw .preconditionMismatch }
    }
}
