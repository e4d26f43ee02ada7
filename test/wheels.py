"""Python packages made by hand, so that tests install without an index."""
import base64
import hashlib
import io
import zipfile


def wheel(name, version, source, module=None):
    """(file name, bytes) of a wheel of one module, which is called as the wheel unless said, and of
    one program of the wheel's name."""
    info = f"{name}-{version}.dist-info"
    files = {f"{module or name}.py": source,
             f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
             f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
                              "Tag: py3-none-any\n",
             f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {module or name}:main\n"}
    record, packed = "", io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path, text in files.items():
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
            record += f"{path},sha256={digest.decode()},{len(text)}\n"
            archive.writestr(zipfile.ZipInfo(path), text)  # of no time: the same each time
        archive.writestr(zipfile.ZipInfo(f"{info}/RECORD"), record + f"{info}/RECORD,,\n")
    return f"{name}-{version}-py3-none-any.whl", packed.getvalue()


def write_wheel(folder, name, version, source, module=None):
    folder.mkdir(exist_ok=True)
    file, content = wheel(name, version, source, module)
    (folder / file).write_bytes(content)
