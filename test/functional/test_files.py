# SPDX-License-Identifier: Apache-2.0
"""Whose files and networks are whose: what a VM wrote is for VMs of its class,
by whatever name, after it stopped or went, and on a host that it comes to."""
import os
import shutil
import sqlite3
import subprocess

from labrun import check, equal, run
from test_decide import edit, reload, text_of

ACME, BETA = 1, 65534		# daemon, nobody: users of every Debian system
CLASSES = """
[subject all]
who = root, role:host
categories = *

[subject acme]
who = daemon
categories = acme

[subject beta]
who = nobody
categories = beta
"""
VM = """[vm]
name = %s
tenant = %s
machine = pc-i440fx-7.2
vcpus = 1
memory_mb = 32
"""
DISK = """
[disk hda]
file = images:%s
bus = ide
"""


def image(lab, name):
    return lab.dir + "/images/" + name


def define(lab, name, tenant, parts, user, host="a"):
    path = lab.dir + "/this.vm"
    with open(path, "w") as f:
        f.write(VM % (name, tenant) + parts)
    return lab.korora(host, "vm", "define", path, user=user)


def refused(r, *words):
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    said = r.json["error"]["message"]
    for w in words:
        check(w in said, "%s does not say %s" % (said, w))


def done(r):
    equal(r.rc, 0, "%r" % r)


def set_up(lab):
    for host in "ab":
        for user in "daemon", "nobody":
            done(lab.korora(host, "user", "grant", user, "operate"))
        edit(lab, host, lambda t: t + CLASSES)
        done(reload(lab, host))
    for name in "acme.raw", "beta.raw":
        shutil.copy(image(lab, "dirtier.raw"), image(lab, name))
    done(define(lab, "acme-1", "acme", DISK % "acme.raw", ACME))
    done(define(lab, "beta-1", "beta", DISK % "beta.raw", BETA))


def another_tenants_disk(lab):
    """As a disk, as one that is read alone, as a kernel; by links, too."""
    os.symlink("acme.raw", image(lab, "soft.raw"))
    os.link(image(lab, "acme.raw"), image(lab, "hard.raw"))
    with open(image(lab, "none"), "w"):
        pass
    for name in "acme.raw", "soft.raw", "hard.raw":
        for parts in (DISK % name,
                      DISK.replace("ide", "virtio\nreadonly = on") % name,
                      "\n[boot]\nkernel = images:%s\n" % name,
                      "\n[boot]\nkernel = images:none\n"
                      "initrd = images:%s\n" % name):
            for vm in "beta-1", "beta-2":
                r = define(lab, vm, "beta", parts, BETA)
                refused(r, "another class", name)
                check("acme-1" not in r.err, "whose it is, is told: %r" % r)
    done(define(lab, "acme-2", "acme", DISK % "acme.raw", ACME))
    done(lab.korora("a", "vm", "remove", "acme-2", user=ACME))


def what_others_read_is_not_written(lab):
    """A kernel that VMs of two tenants boot is nobody's disk then."""
    shutil.copy(image(lab, "dirtier.raw"), image(lab, "kernel"))
    boot = "\n[boot]\nkernel = images:kernel\n"
    done(define(lab, "acme-2", "acme", boot, ACME))
    done(define(lab, "beta-2", "beta", boot, BETA))
    refused(define(lab, "beta-3", "beta", DISK % "kernel", BETA))
    refused(define(lab, "beta-2", "beta", DISK % "kernel", BETA))
    done(lab.korora("a", "vm", "remove", "acme-2", user=ACME))
    done(define(lab, "beta-2", "beta", DISK % "kernel", BETA))
    done(lab.korora("a", "vm", "remove", "beta-2", user=BETA))


def it_outlives_its_vm(lab):
    """In two steps: the VM is removed, and its disk named by another."""
    done(lab.korora("a", "vm", "remove", "acme-1", user=ACME))
    refused(define(lab, "beta-1", "beta", DISK % "acme.raw", BETA))
    refused(define(lab, "acme-1", "beta", DISK % "acme.raw", BETA))
    done(define(lab, "acme-1", "acme", DISK % "acme.raw", ACME))


def it_comes_from_nowhere_else(lab):
    """Nor is a VM that has it brought from a host that knows nothing of it."""
    done(define(lab, "beta-3", "beta", DISK % "acme.raw", BETA, "b"))
    done(lab.korora("b", "vm", "start", "beta-3", user=BETA))
    r = lab.korora("b", "migrate", "beta-3", "--to", "a", user=BETA)
    equal((r.rc, r.code), (1, "KR-1003"), "%r" % r)
    done(lab.korora("b", "vm", "stop", "beta-3", "--force", user=BETA))
    done(lab.korora("b", "vm", "remove", "beta-3", user=BETA))


def what_a_vm_brought_is_its_classes(lab):
    """The other way round: here it was not known before the VM came."""
    shutil.copy(image(lab, "dirtier.raw"), image(lab, "brought.raw"))
    parts = DISK % "brought.raw"
    done(define(lab, "acme-3", "acme", parts, ACME))
    done(lab.korora("a", "vm", "start", "acme-3", user=ACME))
    done(lab.korora("a", "migrate", "acme-3", "--to", "b", user=ACME))
    refused(define(lab, "beta-3", "beta", parts, BETA, "b"))
    done(lab.korora("b", "vm", "stop", "acme-3", "--force", user=ACME))
    done(lab.korora("b", "vm", "remove", "acme-3", user=ACME))
    refused(define(lab, "beta-3", "beta", parts, BETA, "b"))


def who_may_change_classes_may(lab):
    """Not while its VM runs; afterwards that one does not start."""
    done(lab.korora("a", "vm", "start", "acme-1", user=ACME))
    r = define(lab, "beta-1", "beta", DISK % "acme.raw", None)
    refused(r, "another class")
    done(lab.korora("a", "vm", "stop", "acme-1", "--force", user=ACME))
    done(define(lab, "beta-1", "beta", DISK % "acme.raw", None))
    refused(lab.korora("a", "vm", "start", "acme-1", user=ACME), "acme.raw")
    refused(define(lab, "acme-1", "acme", DISK % "acme.raw", ACME))
    done(define(lab, "acme-1", "acme", DISK % "acme.raw", None))
    refused(lab.korora("a", "vm", "start", "beta-1", user=BETA), "acme.raw")
    done(define(lab, "beta-1", "beta", DISK % "beta.raw", BETA))


def a_store_of_before(lab):
    """A release before this one kept none of it: it is looked up."""
    lab.lab("daemon", "a", "stop")
    db = sqlite3.connect(lab.dir + "/a/var/lib/korora/korora.db")
    db.execute("DELETE FROM file")
    db.commit()
    db.close()
    lab.lab("daemon", "a", "start")
    refused(define(lab, "beta-2", "beta", DISK % "acme.raw", BETA))
    refused(define(lab, "acme-2", "acme", DISK % "beta.raw", ACME))


def images_that_name_other_files(lab):
    """A guest writes an image's head on its raw disk, with a file of the
    host's or of another tenant's behind it; then the disk is called qcow2.
    QEMU is told, too, that there is nothing behind."""
    made = image(lab, "made.qcow2")
    disk = DISK.replace("bus", "format = qcow2\nbus") % "made.qcow2"

    def make(*args):
        if os.path.exists(made):
            os.remove(made)
        subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", *args],
                       check=True)

    def no_storage(r, words):
        equal((r.rc, r.code), (1, "KR-4001"), "%r" % r)
        check(words in r.err, "%r does not say %s" % (r, words))
    make(made, "1M")
    done(define(lab, "beta-3", "beta", disk, BETA))
    done(lab.korora("a", "vm", "start", "beta-3", user=BETA))
    done(lab.korora("a", "migrate", "beta-3", "--to", "b", user=BETA))
    done(lab.korora("b", "migrate", "beta-3", "--to", "a", user=BETA))
    done(lab.korora("a", "vm", "stop", "beta-3", "--force", user=BETA))
    for args, words in (
            (("-b", image(lab, "acme.raw"), "-F", "raw", made),
             "backing file"),
            (("-b", "/etc/passwd", "-F", "raw", made), "backing file"),
            (("-o", "data_file=" + image(lab, "acme.raw"), made, "1M"),
             "another file")):
        shutil.copy(image(lab, "acme.raw"), image(lab, "kept.raw"))
        make(*args)
        no_storage(define(lab, "beta-4", "beta", disk, BETA), words)
        no_storage(lab.korora("a", "vm", "start", "beta-3", user=BETA), words)
        os.replace(image(lab, "kept.raw"), image(lab, "acme.raw"))
    os.remove(made)
    shutil.copy(image(lab, "beta.raw"), made)
    no_storage(lab.korora("a", "vm", "start", "beta-3", user=BETA),
               "no qcow2 image")
    done(lab.korora("a", "vm", "remove", "beta-3", user=BETA))


def storages_and_networks_have_classes(lab):
    """Those that the policy names are for VMs of their class; asked again
    when a VM starts."""
    good = text_of(lab, "a")
    nic = "\n[nic eth0]\nnetwork = lan\nmac = 52:54:00:77:00:99\n"
    done(define(lab, "beta-2", "beta", nic, BETA))
    edit(lab, "a", lambda t: t + "\n[item lan]\non = network:lan\n"
         "categories = acme\n\n[item rest]\non = storage:*\n"
         "categories = acme\n")
    done(reload(lab, "a"))
    refused(lab.korora("a", "vm", "start", "beta-2", user=BETA), "network:lan")
    refused(define(lab, "beta-3", "beta", nic, None), "network:lan")
    refused(lab.korora("a", "vm", "start", "beta-1", user=BETA),
            "storage:images")
    done(define(lab, "acme-2", "acme", nic + DISK % "acme.raw", ACME))
    edit(lab, "a", lambda t: good)
    done(reload(lab, "a"))


if __name__ == "__main__":
    run([(dict(mem=32, up=["--wss", "8"]), [
        set_up, another_tenants_disk, what_others_read_is_not_written,
        it_outlives_its_vm, it_comes_from_nowhere_else,
        what_a_vm_brought_is_its_classes, who_may_change_classes_may,
        a_store_of_before, images_that_name_other_files,
        storages_and_networks_have_classes])])
