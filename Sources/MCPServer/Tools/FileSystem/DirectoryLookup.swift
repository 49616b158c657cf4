import AgentLink

/// Finds the entry of one path on a server whose agent has no task for it: in the list of its directory.
///
/// Agents list no directory that is named through a link in its last component (`agent-link-details.md` 2), so such a
/// link is followed here, as the system would on the way to the entry.
struct DirectoryLookup: Sendable {
    let agents: AgentTasks
    let server: Int64

    enum Found: Sendable, Equatable {
        case entry(FsEntry)
        case nothing
        /// The root of the file system, which stands in no directory.
        case root
    }

    /// Directories listed for one answer at most.
    private static let budget = 16

    func find(_ path: RemotePath) async throws -> Found {
        var budget = Self.budget
        return try await find(path, &budget)
    }

    private func find(_ path: RemotePath, _ budget: inout Int) async throws -> Found {
        guard let name = path.name else {
            _ = try await list(path, showHidden: false, &budget)
            return .root
        }
        guard let reply = try await contents(of: path.parent, for: name, &budget) else { return .nothing }
        if let entry = reply.entries.first(where: { path.isName($0.name, name) }) { return .entry(entry) }
        guard !reply.truncated else {
            throw ToolFailure.rejected(
                """
                \(path.parent.text) holds more entries than an agent lists (\(reply.entries.count) of \(reply.total)) and \
                this name is not among them, so it may or may not exist; use server.exec with stat
                """)
        }
        return .nothing
    }

    /// What a directory holds, links in its own name followed.
    /// - Returns: `nil` where there is no such directory.
    private func contents(
        of directory: RemotePath, for name: String, _ budget: inout Int
    ) async throws -> FsListReply? {
        var directory = directory
        while true {
            do {
                // Hidden names only where one is looked for: without them more of the others fit.
                return try await list(directory, showHidden: directory.isDrive || name.hasPrefix("."), &budget)
            } catch ToolFailure.agentError(AgentText.missing, _) {
                return nil
            } catch ToolFailure.agentError(AgentText.noDirectory, _) {
                guard case .entry(let link) = try await find(directory, &budget), link.isSymlink else { return nil }
                if directory.parent.climbs(link.linkTarget) {
                    try await checkReal(directory.parent, &budget)
                }
                directory = directory.parent.following(link.linkTarget)
            }
        }
    }

    /// `..` in the target of a link climbs from where the link really is, so no name above it may be a link as well.
    private func checkReal(_ directory: RemotePath, _ budget: inout Int) async throws {
        for step in directory.lineage {
            do {
                _ = try await list(step, showHidden: false, &budget)
            } catch ToolFailure.agentError(AgentText.noDirectory, _) {
                throw Self.tooManyLinks
            }
        }
    }

    private func list(_ path: RemotePath, showHidden: Bool, _ budget: inout Int) async throws -> FsListReply {
        guard budget > 0 else { throw Self.tooManyLinks }
        budget -= 1
        return try await agents.call(.fsList, FsListTask(path: path.text, showHidden: showHidden), on: server)
    }

    private static let tooManyLinks = ToolFailure.rejected(
        "the path leads through too many symbolic links; ask for the path without them, or use server.exec with stat")
}

/// Texts of the fixed set that agents answer with (`agent-link.md` 2, Paths).
private enum AgentText {
    static let missing = "file or directory does not exist"
    static let noDirectory = "path is not a directory"
}
