import CLinux
import FoundationEssentials
import Glibc
import Primitives

/// The front ends in `<data>/templates`, a folder each. The calls block for the disk.
package struct TemplateStore: Sendable {
    package let folder: String

    /// - Parameter folder: need not be there.
    package init(folder: String) { self.folder = folder }

    /// - Parameter dataDirectory: where the gateway keeps its data.
    package init(dataDirectory: String) { self.init(folder: dataDirectory + "/templates") }

    /// Where a front end's files are, or would be.
    package func path(of name: TemplateName) -> String { folder + "/" + name.description }

    /// In the order of their names.
    package func list() -> [InstalledTemplate] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.sorted().compactMap { TemplateName($0) }.compactMap { template($0) }
    }

    /// - Returns: `nil` where there is no such folder.
    package func template(_ name: TemplateName) -> InstalledTemplate? {
        var status = linux_status()
        guard unsafe linux_status_at(AT_FDCWD, path(of: name), 1, &status) == 0, status.mode & S_IFMT == S_IFDIR else {
            return nil
        }
        let file = path(of: name) + "/" + InstalledTemplate.manifestName
        return InstalledTemplate(
            name: name, manifest: try? AtomicFile.read(file, limit: InstalledTemplate.manifestLimit))
    }
}
